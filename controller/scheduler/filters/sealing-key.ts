/**
 * SealingKeyFilter: a server that needs a value from a Secret (user data, or credentials for its image) needs a host
 * whose agent has published the key that the controller encrypts the value with. Nova has no such filter.
 */
import type { Filter } from '../filter.ts'

export const sealingKeyFilter: Filter = {
  name: 'SealingKeyFilter',
  scope: 'class',
  prepare: ({ needsSealingKey = false }) =>
    needsSealingKey
      ? {
          passes: (host) => host.hasSealingKey,
          reject: () => ({
            summary: 'without a sealing key, which Secrets need',
            detail: 'its agent has published none: update it',
          }),
        }
      : undefined,
}
