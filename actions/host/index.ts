/**
 * The host capabilities: the operations that steps of actions may use. The agent implements them with libvirt, tests in
 * memory.
 */
import { type ConfigDrives, configDrivesMethods } from './config-drives.ts'
import { type Disks, disksMethods } from './disks.ts'
import { type Domains, domainsMethods } from './domains.ts'
import type { MethodKinds } from './guest.ts'
import { type GuestAgent, guestAgentMethods } from './guest-agent.ts'
import { type Images, imagesMethods } from './images.ts'
import { type Ports, portsMethods } from './ports.ts'
import { type RescueDisks, rescueDisksMethods } from './rescue-disks.ts'

export type { ConfigDrives } from './config-drives.ts'
export type { Disks } from './disks.ts'
export type { Domains, NmiResult, ObservedDomain } from './domains.ts'
export type { Guest, Progress, StepContext } from './guest.ts'
export type { GuestAgent, PasswordRefusal } from './guest-agent.ts'
export type { Images } from './images.ts'
export type { Ports } from './ports.ts'
export type { RescueDisks, RescueSystem } from './rescue-disks.ts'

/**
 * Every method is idempotent: if the agent crashes during a call, the next call does what is left to do. Methods throw
 * the errors of crds/errors.ts: a Transient error is retried, a Terminal error becomes the server's fault.
 */
export interface Host {
  readonly images: Images
  readonly disks: Disks
  readonly rescueDisks: RescueDisks
  readonly configDrives: ConfigDrives
  readonly ports: Ports
  readonly domains: Domains
  readonly guestAgent: GuestAgent
}

export type Capability = keyof Host

export const hostMethods: { readonly [C in Capability]: MethodKinds<Host[C]> } = {
  images: imagesMethods,
  disks: disksMethods,
  rescueDisks: rescueDisksMethods,
  configDrives: configDrivesMethods,
  ports: portsMethods,
  domains: domainsMethods,
  guestAgent: guestAgentMethods,
}
