/**
 * In Nova, a key pair belongs to a user, so an annotation names the user. A KeyPair without it belongs to all users of
 * its project.
 */
import type { KeyPair } from '../../crds/index.ts'

export const KEY_PAIR_USER = 'compute.kubenova.io/user-id'

export const userIdOfKeyPair = ({ metadata }: Pick<KeyPair, 'metadata'>): string | undefined =>
  metadata.annotations?.[KEY_PAIR_USER]
