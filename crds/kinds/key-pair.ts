/** KeyPair: an SSH public key (or an x509 certificate) that servers are given. */
import { Type } from 'typebox'
import { ageColumn, CommonStatus, immutable, kind, type Resource, readyColumn, reasonColumn } from '../schema.ts'

export const KeyPairSpec = Type.Object({
  type: Type.Enum(['ssh', 'x509'], { description: 'What publicKey is.', default: 'ssh' }),
  publicKey: Type.String({
    description: 'The key as ssh-keygen prints it (one line), or a PEM certificate.',
    minLength: 1,
    maxLength: 16_384,
    ...immutable('publicKey'),
  }),
})

export const KeyPairStatus = Type.Object({
  ...CommonStatus,
  fingerprint: Type.Optional(Type.String({ description: 'MD5 of the key, colon-separated, as Nova prints it.' })),
})

export const keyPair = kind({
  kind: 'KeyPair',
  plural: 'keypairs',
  shortNames: ['kp'],
  scope: 'Namespaced',
  description: 'A public key that servers of the namespace can be created with.',
  spec: KeyPairSpec,
  status: KeyPairStatus,
  rules: [
    {
      rule: "self.spec.type != 'ssh' || self.spec.publicKey.matches('^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?\\\\s*$')",
      message:
        "spec.publicKey is not an SSH public key: give the one line of the .pub file, like 'ssh-ed25519 AAAA… name'",
      fieldPath: '.spec.publicKey',
    },
    {
      rule: "self.spec.type != 'x509' || self.spec.publicKey.contains('BEGIN CERTIFICATE')",
      message: 'spec.publicKey is not a PEM certificate',
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
