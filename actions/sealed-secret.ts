/**
 * Encrypts secret values that the controller sends to the agent of one host: passwords and user data. Only that host
 * can decrypt a value, and only for the purpose that it was encrypted for (docs/adr/0021, docs/adr/0035).
 */
import type { KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, errors, importJWK } from 'jose'

/** The uids of the Server and the ServerAction. With other uids the value cannot be decrypted. */
export interface SealBinding {
  server: string
  request: string
}

/** With another value than at the encryption, the user data cannot be decrypted. */
export interface UserDataBinding {
  /** The uid of the Server. */
  server: string
  /** true: the value is a bundle of user data and what spec.injectedFrom names (injected-bundle.ts). */
  isBundle?: boolean
}

const purposeOf = ({ server, isBundle = false }: UserDataBinding): Purpose => ({
  server,
  purpose: isBundle ? 'injected' : 'user-data',
})

const ALGORITHM = 'ECDH-ES'
const ENCRYPTION = 'A256GCM'
/** Values are padded to a multiple of this, so that the ciphertext does not show a password's length. */
const BLOCK_BYTES = 128

/**
 * Returns the encrypted value as a compact JWE.
 * @param value text without zero bytes
 * @param publicKey the host's X25519 key: status.sealingKey of its Hypervisor
 */
export async function sealSecret(value: string, publicKey: string, { server, request }: SealBinding): Promise<string> {
  return encryptFor(padWithZeros(Buffer.from(value)), publicKey, { server, request })
}

/** Returns undefined if the value was encrypted for another key, Server or ServerAction, or has been changed. */
export async function openSealedSecret(
  sealed: string,
  privateKey: KeyObject,
  { server, request }: SealBinding,
): Promise<string | undefined> {
  const padded = await decryptWith(sealed, privateKey, { server, request })
  return padded && Buffer.from(padded).toString('utf8').replace(/\0+$/, '')
}

/**
 * The byte that ends the user data, before the padding with zeros (ISO/IEC 7816-4). It shows where the user data ends,
 * because user data may itself end with zeros.
 */
const END_OF_DATA = 0x80

/**
 * Returns the encrypted user data as a compact JWE.
 * @param publicKey the host's X25519 key: status.sealingKey of its Hypervisor
 */
export async function sealUserData(value: Uint8Array, publicKey: string, binding: UserDataBinding): Promise<string> {
  const padded = padWithZeros(Buffer.concat([value, Buffer.of(END_OF_DATA)]))
  return encryptFor(padded, publicKey, purposeOf(binding))
}

/** Returns undefined if the user data was encrypted for another key or Server, or has been changed. */
export async function openSealedUserData(
  sealed: string,
  privateKey: KeyObject,
  binding: UserDataBinding,
): Promise<Uint8Array | undefined> {
  const padded = await decryptWith(sealed, privateKey, purposeOf(binding))
  return padded && Buffer.from(padded.subarray(0, padded.lastIndexOf(END_OF_DATA)))
}

function padWithZeros(value: Uint8Array): Uint8Array {
  const padded = Buffer.alloc(Math.ceil(value.length / BLOCK_BYTES) * BLOCK_BYTES)
  padded.set(value)
  return padded
}

/** The fields of the JWE's protected header that state what a value is encrypted for. */
type Purpose = Readonly<Record<string, string>>

/** @param purpose what the value is for; {@link decryptWith} must be given the same */
export async function encryptFor(value: Uint8Array, publicKey: string, purpose: Purpose): Promise<string> {
  const key = await importJWK({ kty: 'OKP', crv: 'X25519', x: publicKey }, ALGORITHM)
  const header = { alg: ALGORITHM, enc: ENCRYPTION, ...purpose }
  return new CompactEncrypt(value).setProtectedHeader(header).encrypt(key)
}

/** Returns undefined if the value was encrypted for another key or purpose, or has been changed. */
export async function decryptWith(
  sealed: string,
  privateKey: KeyObject,
  purpose: Purpose,
): Promise<Uint8Array | undefined> {
  try {
    const accepted = { keyManagementAlgorithms: [ALGORITHM], contentEncryptionAlgorithms: [ENCRYPTION] }
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, privateKey, accepted)
    const isForThis = Object.entries(purpose).every(([field, value]) => protectedHeader[field] === value)
    return isForThis ? plaintext : undefined
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}
