/**
 * HostSecret: the user data of a Server, encrypted for the agent of the Server's host (docs/adr/0035). It exists only
 * from the placement of the Server until the agent has built the server.
 */
import { Type } from 'typebox'
import { ageColumn, defineKind, immutableRule, Name, patternWithMessage, type Resource } from '../schema.ts'

export const HostSecretSpec = Type.Object(
  {
    host: Name('The host whose agent can decrypt the value.'),
    sealingKey: Type.String({
      description: "The host's public key that the value is encrypted for: `status.sealingKey` of its Hypervisor.",
      maxLength: 64,
      ...patternWithMessage('^[A-Za-z0-9_-]+$', 'must be an X25519 public key in base64url'),
    }),
    // The largest user data has 65,535 bytes, and injected files may have as many. Encrypted, as a JWE, they have
    // 250,000 characters.
    sealed: Type.String({
      description: 'The encrypted value, a compact JWE.',
      maxLength: 262_144,
      ...patternWithMessage('^[A-Za-z0-9_.-]+$', 'must be a compact JWE'),
    }),
  },
  immutableRule('spec of a HostSecret'),
)

export const hostSecret = defineKind({
  kind: 'HostSecret',
  plural: 'hostsecrets',
  shortNames: ['hsec'],
  scope: 'Namespaced',
  description:
    'The user data of the Server with the same name, encrypted for the agent of its host. Only the controller creates and deletes it.',
  spec: HostSecretSpec,
  status: Type.Object({}),
  columns: [{ name: 'Host', type: 'string', jsonPath: '.spec.host' }, ageColumn],
})
export type HostSecret = Resource<typeof hostSecret>
