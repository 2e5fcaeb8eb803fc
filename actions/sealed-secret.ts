/**
 * Passwords on their way from the controller to the agent of one host. The controller seals a password to the host's
 * public key; only that host can open it, and only for the Server and the request that it was sealed for.
 * (docs/adr/0021)
 */
import type { KeyObject } from 'node:crypto'

/**
 * The uids of the Server and the ServerAction that a sealed value is for. A sealed value cannot be used for any other.
 */
export interface SealBinding {
  server: string
  request: string
}

const ALGORITHM = 'ECDH-ES'
const ENCRYPTION = 'A256GCM'
/**
 * Values are padded with zero bytes to a multiple of this, so that the ciphertext does not show how long a password is.
 */
const BLOCK_BYTES = 128

/**
 * Answers a compact JWE.
 * @param value text without zero bytes
 * @param publicKey the host's X25519 key: status.sealingKey of its Hypervisor
 */
export async function sealSecret(value: string, publicKey: string, { server, request }: SealBinding): Promise<string> {
  const { CompactEncrypt, importJWK } = await import('jose')
  const key = await importJWK({ kty: 'OKP', crv: 'X25519', x: publicKey }, ALGORITHM)
  const text = Buffer.from(value)
  const padded = Buffer.alloc(Math.ceil(text.length / BLOCK_BYTES) * BLOCK_BYTES)
  text.copy(padded)
  const header = { alg: ALGORITHM, enc: ENCRYPTION, server, request }
  return new CompactEncrypt(padded).setProtectedHeader(header).encrypt(key)
}

/**
 * Opens what was sealed. Answers undefined if it was sealed to another key, or for another Server or request, or was
 * changed.
 */
export async function openSealedSecret(
  sealed: string,
  privateKey: KeyObject,
  binding: SealBinding,
): Promise<string | undefined> {
  const { compactDecrypt, errors } = await import('jose')
  try {
    const accepted = { keyManagementAlgorithms: [ALGORITHM], contentEncryptionAlgorithms: [ENCRYPTION] }
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, privateKey, accepted)
    const { server, request } = protectedHeader
    const isForThis = server === binding.server && request === binding.request
    return isForThis ? Buffer.from(plaintext).toString('utf8').replace(/\0+$/, '') : undefined
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}
