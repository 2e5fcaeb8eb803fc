/**
 * The users of key pairs. In Nova, a key pair belongs to a user; in Kubernetes, it stands in the namespace of a
 * project. The Compute API writes the user into an annotation. A KeyPair without it belongs to all users of its
 * project.
 */
import type { KeyPair } from '../../crds/index.ts'

export const KEY_PAIR_USER = 'compute.kubenova.io/user-id'

export const userIdOfKeyPair = ({ metadata }: Pick<KeyPair, 'metadata'>): string | undefined =>
  metadata.annotations?.[KEY_PAIR_USER]
