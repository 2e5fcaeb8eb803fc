// The client's side of the SASL mechanism SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Credentials, SaslExchange } from './auth.ts'
import { ConnectionError } from './errors.ts'

/** The most iterations that the client accepts, so that a malicious daemon cannot use up the client's CPU time. */
const maxRounds = 1_000_000

/**
 * Throws a ConnectionError with the code `auth` if the daemon's challenge is invalid or the daemon cannot prove that it
 * knows the password.
 */
export function* scramSha256(
  { username, password }: Credentials,
  nonce = randomBytes(18).toString('base64'),
): SaslExchange {
  const firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  const serverFirst = (yield Buffer.from(`n,,${firstBare}`)).toString('utf8')
  const challenge = parseAttributes(serverFirst)
  const [combined = '', salt = ''] = [challenge.get('r'), challenge.get('s')]
  const rounds = Number(challenge.get('i'))
  if (!combined.startsWith(nonce) || combined === nonce || !(rounds > 0 && rounds <= maxRounds)) {
    throw new ConnectionError('auth', 'SCRAM-SHA-256: the daemon sent an invalid challenge')
  }
  const salted = pbkdf2Sync(password.normalize('NFKC'), Buffer.from(salt, 'base64'), rounds, 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  const finalBare = `c=biws,r=${combined}`
  const signed = `${firstBare},${serverFirst},${finalBare}`
  const signature = hmac(createHash('sha256').update(clientKey).digest(), signed)
  const proof = clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))
  const serverFinal = parseAttributes(
    (yield Buffer.from(`${finalBare},p=${Buffer.from(proof).toString('base64')}`)).toString('utf8'),
  )
  const proved = Buffer.from(serverFinal.get('v') ?? '', 'base64')
  const expected = hmac(hmac(salted, 'Server Key'), signed)
  if (proved.length !== expected.length || !timingSafeEqual(proved, expected)) {
    throw new ConnectionError('auth', 'SCRAM-SHA-256: the daemon does not know the password')
  }
}

function parseAttributes(message: string): Map<string, string> {
  return new Map(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
