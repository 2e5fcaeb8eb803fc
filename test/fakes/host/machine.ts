/** A machine is everything that a Server has on a fake host, such as domain, disks and ports. */

export type BootDisk = 'root disk' | 'rescue disk'

/**
 * If the definition of a running domain is removed (virsh undefine), the domain becomes transient: it is gone as soon
 * as it is off.
 */
export interface FakeDomain {
  state: 'running' | 'paused' | 'off' | 'pmsuspended'
  reason: string
  /**
   * A restore gives back the boot ID and the boot disk that the domain had at the save. undefined: there is no managed
   * save.
   */
  managedSave: { bootId: string | undefined; runsFrom: BootDisk | undefined } | undefined
  /** While libvirtd saves the domain's memory, the domain is paused. */
  isSaving: boolean
  /** While libvirtd restores the domain's memory, the domain is paused, and its managed save still exists. */
  isRestoring: boolean
  persistent: boolean
  /** In the domain's definition; the next boot uses it. */
  bootId: string
  /** From the definition with which the domain was started; undefined while the domain is off. */
  runningBootId: string | undefined
  /** In the domain's definition; the next boot uses it. */
  bootsFrom: BootDisk
  /** undefined while the domain is off. */
  runsFrom: BootDisk | undefined
}

export interface ForeignDomain {
  /** undefined: the domain's metadata names no Server. */
  owner: { namespace: string; name: string } | undefined
  state: 'running'
}

export interface Machine {
  /**
   * undefined until the agent makes its first change. On a real host, the domain's metadata and the file owner.json in
   * the Server's directory name the owner.
   */
  owner: { namespace: string; name: string } | undefined
  domain: FakeDomain | undefined
  /** A domain that has the Server's UUID, but does not belong to this Server. */
  foreignDomain: ForeignDomain | undefined
  disks: boolean
  rescueDisk: { image: string; requestId: string } | undefined
  diskGeneration: number
  /** The spec that the Server had when the config drive was written; undefined: there is no config drive. */
  configDrive: string | undefined
  /** User data in the Server's HostSecret; undefined: there is no HostSecret. */
  sentUserData: string | undefined
  keptUserData: string | undefined
  ports: boolean
  /** Boot IDs in order. A restore of saved memory is no boot. */
  boots: string[]
  /** Number of QEMU starts: boots and restores. */
  starts: number
  nmis: string[]
  hasGuestAgent: boolean
  passwords: Record<string, string>
  obeysPowerButton: boolean
  /** Whether a guest in the state pmsuspended wakes up on request. */
  obeysWakeUp: boolean
}

export const newMachine = (): Machine => ({
  owner: undefined,
  domain: undefined,
  foreignDomain: undefined,
  disks: false,
  rescueDisk: undefined,
  diskGeneration: 0,
  configDrive: undefined,
  sentUserData: undefined,
  keptUserData: undefined,
  ports: false,
  boots: [],
  starts: 0,
  nmis: [],
  hasGuestAgent: true,
  passwords: {},
  obeysPowerButton: true,
  obeysWakeUp: true,
})

export const hasActiveDomain = ({ domain }: Machine): boolean => domain !== undefined && domain.state !== 'off'

export type MachineOf = (uid: string | undefined) => Machine
