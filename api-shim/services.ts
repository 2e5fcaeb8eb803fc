import type { Clock } from '../kube/clock.ts'
import type { Log } from '../kube/log.ts'
import type { IdentityBackend } from './identity/backend.ts'
import type { Caller } from './identity/caller.ts'
import type { ImageFiles } from './images/files.ts'
import type { Heartbeats } from './state/heartbeats.ts'
import type { Hosts } from './state/hosts.ts'
import type { State } from './state/state.ts'

/** Finds the caller with this token; undefined if the token is not valid. */
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
  region: string
  /** Whether the answer to the creation of a server has its password. Default: true. */
  hasPasswords?: boolean
  clock: Clock
  log: Log
  /** The address of the shim for clients, without a slash at the end. Absent: the address that the request used. */
  publicUrl?: string | undefined
}
