/**
 * Encrypts ("seals") passwords that the controller sends to the agent of one host. The controller encrypts a password
 * with the host's public key; only that host can decrypt it, and only for the Server and the ServerAction that it was
 * encrypted for (docs/adr/0021).
 */
import type { KeyObject } from 'node:crypto'

/** The uids of the Server and the ServerAction that a value is encrypted for. It cannot be decrypted for any other. */
export interface SealBinding {
  server: string
  request: string
}

const ALGORITHM = 'ECDH-ES'
const ENCRYPTION = 'A256GCM'
/** Zero bytes pad each value to a multiple of this, so that the ciphertext does not show how long a password is. */
const BLOCK_BYTES = 128

/**
 * Returns the encrypted value as a compact JWE.
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
 * Decrypts a value. Returns undefined if the value was encrypted for another key, Server or ServerAction, or has been
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
