/** The host's key pair for sealed (encrypted) secrets; see actions/sealed-secret.ts. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically } from './files/atomic-files.ts'
import { ignoreNotFound } from './files/errors.ts'

/**
 * Creates a new key if there is none or its file is damaged. Passwords encrypted for the lost key cannot be decrypted
 * any more, so users must request those changes again. Call it only while the state directory is locked.
 */
export async function openSealingKey(stateDir: string): Promise<KeyObject> {
  const path = join(stateDir, 'sealing-key.pem')
  const existing = parseKey(await readFile(path, 'utf8').catch(ignoreNotFound))
  if (existing) return existing
  const { privateKey } = generateKeyPairSync('x25519')
  await writeFileAtomically(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), 0o600)
  return privateKey
}

/**
 * Returns a function that reads or creates the key on its first call. Do not call it before the state directory is
 * locked.
 */
export function lazySealingKey(stateDir: string): () => Promise<KeyObject> {
  let key: Promise<KeyObject> | undefined
  return () => {
    key ??= openSealingKey(stateDir).catch((error: unknown) => {
      key = undefined
      throw error
    })
    return key
  }
}

function parseKey(pem: string | undefined): KeyObject | undefined {
  if (pem === undefined) return undefined
  try {
    const key = createPrivateKey(pem)
    return key.asymmetricKeyType === 'x25519' ? key : undefined
  } catch {
    return undefined
  }
}

/** Returns the public key as in the Hypervisor's status.sealingKey: 32 bytes in base64url. */
export function publicSealingKey(privateKey: KeyObject): string {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (x === undefined) throw new Error('the sealing key is no X25519 key')
  return x
}
