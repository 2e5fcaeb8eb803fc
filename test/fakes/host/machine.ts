/**
 * The machine of a Server: everything that the Server has on a fake host, such as domain, disks and ports. All methods
 * of the fake host read or change it.
 */

export type BootDisk = 'root disk' | 'rescue disk'

/**
 * The domain of a Server as libvirt knows it. If its definition is removed while it runs (virsh undefine), the domain
 * becomes transient: it is gone as soon as it is off.
 */
export interface FakeDomain {
  state: 'running' | 'paused' | 'off' | 'pmsuspended'
  /** The reason that libvirt gives for the state. */
  reason: string
  /**
   * The managed save. It holds the boot ID and the boot disk that the domain had when its memory was saved, because a
   * restore gives them back to the domain. Undefined: there is no managed save.
   */
  managedSave: { bootId: string | undefined; runsFrom: BootDisk | undefined } | undefined
  /** Whether libvirtd is saving the memory of the domain; the domain is paused meanwhile. */
  isSaving: boolean
  /**
   * Whether libvirtd is restoring the memory of the domain. Meanwhile the domain is paused, and its managed save still
   * exists.
   */
  isRestoring: boolean
  persistent: boolean
  /** Boot ID in the domain's definition. The next boot uses it. */
  bootId: string
  /** Boot ID of the definition with which the domain was started; undefined while the domain is off. */
  runningBootId: string | undefined
  /** The disk in the domain's definition. The next boot uses it. */
  bootsFrom: BootDisk
  /** The disk that the running domain was booted from; undefined while the domain is off. */
  runsFrom: BootDisk | undefined
}

export interface ForeignDomain {
  /** The Server that the domain's metadata names as its owner; undefined: the metadata names no Server. */
  owner: { namespace: string; name: string } | undefined
  state: 'running'
}

export interface Machine {
  /**
   * The Server that owns the machine. On a real host, the metadata of the domain and the file owner.json in the
   * Server's directory name it. Undefined until the agent makes its first change.
   */
  owner: { namespace: string; name: string } | undefined
  domain: FakeDomain | undefined
  /** A domain that has the Server's UUID, but does not belong to this Server. */
  foreignDomain: ForeignDomain | undefined
  disks: boolean
  rescueDisk: { image: string; requestId: string } | undefined
  /** Number of times that the disks were created. */
  diskGeneration: number
  /**
   * Stands for the content of the config drive: the spec that the Server had when the drive was written. Undefined:
   * there is no config drive.
   */
  configDrive: string | undefined
  /**
   * User data in the Server's HostSecret, an object with which the controller sends encrypted user data to the agent.
   * Undefined: there is no HostSecret.
   */
  sentUserData: string | undefined
  /** User data that the agent has read from the HostSecret and keeps. */
  keptUserData: string | undefined
  ports: boolean
  /** Boot IDs of all boots, in order. A restore of saved memory is no boot. */
  boots: string[]
  /** Number of QEMU processes that were started: boots and restores. */
  starts: number
  /** IDs of the action requests for which the guest has received an NMI, in order. */
  nmis: string[]
  hasGuestAgent: boolean
  /** The encrypted passwords that the guest agent has set, by user. */
  passwords: Record<string, string>
  /** Whether the guest powers off when its power button is pressed. */
  obeysPowerButton: boolean
  /** Whether a sleeping guest (state pmsuspended) wakes up when it is told to. */
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

/** Returns the machine of the Server with this UID. */
export type MachineOf = (uid: string | undefined) => Machine
