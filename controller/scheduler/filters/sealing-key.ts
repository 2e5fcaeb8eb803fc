/**
 * SealingKeyFilter: a server with user data from a Secret needs a host whose agent has published the key that the
 * controller encrypts the user data with. Nova has no such filter.
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
            summary: 'without a sealing key for userDataFrom',
            detail: 'its agent has published none: update it',
          }),
        }
      : undefined,
}
