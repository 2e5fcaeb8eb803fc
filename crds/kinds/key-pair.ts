import { Type } from 'typebox'
import {
  ageColumn,
  CommonStatus,
  defineKind,
  immutableRule,
  type Resource,
  readyColumn,
  reasonColumn,
} from '../schema.ts'

/** The types of keys that OpenSSH knows. */
const sshTypes = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'ssh-dss',
]

/**
 * The base64 text with which every key of a type begins: the length and the name of the type (RFC 4253, 6.6). An
 * incomplete last group of 3 bytes is left out, because its base64 depends on the bytes after it.
 */
function keyPrefixOf(type: string): string {
  const blob = `\0\0\0${String.fromCharCode(type.length)}${type}`
  return btoa(blob.slice(0, blob.length - (blob.length % 3)))
}

const sshKey = `^(${sshTypes.map((t) => `${t} ${keyPrefixOf(t)}`).join('|')})[A-Za-z0-9+/]+={0,2}( [^\\\\p{C}]*)?\\\\s*$`

export const KeyPairSpec = Type.Object({
  type: Type.Enum(['ssh', 'x509'], { description: 'The form of publicKey.', default: 'ssh', ...immutableRule('type') }),
  publicKey: Type.String({
    description: 'The key as ssh-keygen prints it (one line), or a PEM certificate.',
    minLength: 1,
    maxLength: 16_384,
    ...immutableRule('publicKey'),
  }),
})

export const KeyPairStatus = Type.Object({
  ...CommonStatus,
  fingerprint: Type.Optional(Type.String({ description: 'MD5 of the key, colon-separated, as Nova prints it.' })),
})

export const keyPair = defineKind({
  kind: 'KeyPair',
  plural: 'keypairs',
  shortNames: ['kp'],
  scope: 'Namespaced',
  description: 'A public key that servers of the namespace can be created with.',
  spec: KeyPairSpec,
  status: KeyPairStatus,
  rules: [
    {
      // This rule is on the whole object: for a rule on the field, the API server would repeat the private key in its
      // answer and in logs.
      rule: "!self.spec.publicKey.contains('PRIVATE KEY')",
      message: 'this is a private key, and many may have seen it by now: make a new pair, and give its public key only',
      fieldPath: '.spec.publicKey',
    },
    {
      rule: `self.spec.type != 'ssh' || self.spec.publicKey.contains('PRIVATE KEY') || self.spec.publicKey.matches('${sshKey}')`,
      message:
        "spec.publicKey is not an SSH public key: give the one line of the .pub file, like 'ssh-ed25519 AAAA… name'",
      fieldPath: '.spec.publicKey',
    },
    {
      rule: "self.spec.type != 'x509' || self.spec.publicKey.contains('PRIVATE KEY') || self.spec.publicKey.matches('^\\\\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\\\s]+-----END CERTIFICATE-----\\\\s*$')",
      message: 'spec.publicKey is not a PEM certificate: give all of it, from BEGIN CERTIFICATE to END CERTIFICATE',
      fieldPath: '.spec.publicKey',
    },
  ],
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'Fingerprint', type: 'string', jsonPath: '.status.fingerprint' },
    readyColumn,
    reasonColumn,
    ageColumn,
  ],
})
export type KeyPair = Resource<typeof keyPair>
