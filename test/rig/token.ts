interface Claims {
  exp: number
  iat: number
  'kubernetes.io'?: { serviceaccount?: { uid: string }; node?: { uid: string } }
}

/**
 * The token must belong to the ServiceAccount with the UID `account`, and be bound to the Node with the UID `node`
 * (undefined: to no Node). More than half of its lifetime must be left.
 */
export function isTokenUsable(token: string, account: string, node: string | undefined, now = Date.now()): boolean {
  const { exp, iat, 'kubernetes.io': bound } = decodeClaims(token)
  return bound?.serviceaccount?.uid === account && bound.node?.uid === node && exp - now / 1000 > (exp - iat) / 2
}

function decodeClaims(token: string): Claims {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
}
