// What a ServiceAccount's token says of itself: a JWT whose claims anyone may read.

interface Claims {
  exp: number
  iat: number
  'kubernetes.io'?: { serviceaccount?: { uid: string }; node?: { uid: string } }
}

/** Whether a token is this account's, bound to this Node or to none, and has more than half of its time before it. */
export function isTokenUsable(token: string, account: string, node: string | undefined, now = Date.now()): boolean {
  const { exp, iat, 'kubernetes.io': bound } = claims(token)
  return bound?.serviceaccount?.uid === account && bound.node?.uid === node && exp - now / 1000 > (exp - iat) / 2
}

function claims(token: string): Claims {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
}
