/** `auth_type: none`, for a laptop: everybody who reaches the shim is the same administrator. Off by default. */

import type { Authenticator } from '../services.ts'
import type { State } from '../state/state.ts'
import { type Caller, includedRoles } from './caller.ts'

/** The Kubernetes user of all requests. The operator must grant it rights. */
export const NO_AUTH_USER = 'kubenova:no-auth'

/** @param namespace the project of all requests */
export function createNoAuth(state: State, namespace: string): Authenticator {
  return {
    async authenticate(): Promise<Caller> {
      return {
        user: { id: 'no-auth', name: NO_AUTH_USER },
        project: state.projectOf(namespace),
        roles: includedRoles(['admin']),
        kubernetes: { user: NO_AUTH_USER, groups: [] },
      }
    },
  }
}
