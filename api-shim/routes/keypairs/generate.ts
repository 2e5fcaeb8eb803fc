/** Generates SSH keys, which clients can ask for before microversion 2.92. */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'

export interface GeneratedKey {
  /** In PEM. The server does not keep it. */
  privateKey: string
  /** One line, as in authorized_keys; or a certificate in PEM. */
  publicKey: string
}

const BITS = 2048
const generate = promisify(generateKeyPair)

export async function generateSshKey(): Promise<GeneratedKey> {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: BITS })
  const { e = '', n = '' } = publicKey.export({ format: 'jwk' })
  const fields = [Buffer.from('ssh-rsa'), positiveNumber(e), positiveNumber(n)]
  const blob = Buffer.concat(fields.flatMap((field) => [lengthOf(field), field]))
  return {
    privateKey: String(privateKey.export({ type: 'pkcs1', format: 'pem' })),
    publicKey: `ssh-rsa ${blob.toString('base64')} Generated-by-Nova`,
  }
}

/** Each field begins with its length in four bytes (RFC 4251, 5). */
function lengthOf({ length }: Buffer): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

/** As in RFC 4251: if the highest bit is set, a zero byte comes first, or the number would be negative. */
function positiveNumber(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url')
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes
}
