/**
 * Fingerprints of key pairs as Nova prints them: the MD5 of an SSH public key or the SHA-1 of a certificate, in pairs
 * of hex digits with colons between them.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { Refused } from './errors.ts'
import type { KeyPair } from './kinds/key-pair.ts'

/** @throws Refused with the code InvalidKeyPair if the key cannot be parsed */
export function fingerprintOf({ type, publicKey }: KeyPair['spec']): string {
  return type === 'x509' ? certificateFingerprint(publicKey) : sshFingerprint(publicKey)
}

/**
 * The MD5 of the key's blob. A key is `<type> <base64 of the blob> [comment]`, and the blob begins with the type again
 * (RFC 4253, 6.6).
 */
function sshFingerprint(publicKey: string): string {
  const [type = '', base64 = ''] = publicKey.trim().split(/\s+/)
  const blob = Buffer.from(base64, 'base64')
  // Buffer skips characters that are not base64, so the blob is encoded again and compared.
  const isBase64 = blob.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '')
  const [name, ...rest] = parseFields(blob) ?? []
  if (!isBase64 || name?.toString('latin1') !== type || rest.length === 0) {
    throw new Refused(
      'InvalidKeyPair',
      "spec.publicKey is not an SSH public key: give the one line of the .pub file, like 'ssh-ed25519 AAAA… name'",
    )
  }
  return withColons(createHash('md5').update(blob).digest('hex'))
}

/**
 * Each field is a length in 4 bytes and then that many bytes (RFC 4251, 5). Undefined if the last field is incomplete.
 */
function parseFields(blob: Buffer): Buffer[] | undefined {
  const found: Buffer[] = []
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined
    const end = at + 4 + blob.readUInt32BE(at)
    if (end > blob.length) return undefined
    found.push(blob.subarray(at + 4, end))
    at = end
  }
  return found
}

function certificateFingerprint(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint.toLowerCase()
  } catch (cause) {
    throw new Refused('InvalidKeyPair', 'spec.publicKey is not a certificate in PEM form', { cause })
  }
}

function withColons(hex: string): string {
  return hex.match(/../g)?.join(':') ?? ''
}
