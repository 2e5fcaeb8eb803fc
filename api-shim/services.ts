/** The services that routes use besides the state of the cloud. */
import type { Clock } from '../kube/clock.ts'
import type { Log } from '../kube/log.ts'
import type { IdentityBackend } from './identity/backend.ts'
import type { Caller } from './identity/caller.ts'
import type { ImageFiles } from './images/files.ts'
import type { Heartbeats } from './state/heartbeats.ts'
import type { Hosts } from './state/hosts.ts'
import type { State } from './state/state.ts'

/** Finds out whose token it is. Undefined: the token is not valid. */
export interface Authenticator {
  authenticate(token: string): Promise<Caller | undefined>
}

export interface Services {
  state: State
  authenticator: Authenticator
  heartbeats: Heartbeats
  hosts: Hosts
  /** Absent with `auth_type: none`. */
  identity?: IdentityBackend
  /** The namespace of the objects that belong to the shim and to no project. */
  namespace: string
  /** Absent without a volume for images: the Image API then takes no uploads. */
  imageFiles?: ImageFiles
  /** The name of the only region in the catalog. */
  region: string
  clock: Clock
  log: Log
  /** The address under which clients reach the shim, without a slash at the end. Absent: that of each request. */
  publicUrl?: string | undefined
}
