/** Everything that one Server has on a fake host: domain, disks, ports. The fakes of all capabilities change it. */

/** The disk that a domain boots. */
export type BootDisk = 'root disk' | 'rescue disk'

/**
 * The domain of a Server as libvirt has it. A domain that is undefined while it runs is transient: it is gone as soon
 * as it is off.
 */
export interface FakeDomain {
  state: 'running' | 'paused' | 'off' | 'pmsuspended'
  /** libvirt's reason of the state. */
  reason: string
  /**
   * The managed save, with boot ID and disk of the definition that the domain is restored with; undefined: there is
   * none.
   */
  managedSave: { bootId: string | undefined; runsFrom: BootDisk | undefined } | undefined
  /** Whether libvirtd is saving the memory of the domain; the domain is paused meanwhile. */
  isSaving: boolean
  /** libvirtd is restoring its memory: it is paused meanwhile, and its managed save is still there. */
  isRestoring: boolean
  persistent: boolean
  /** Boot ID in the definition that the next boot uses. */
  bootId: string
  /** Boot ID in the definition that the domain runs with; undefined while it is off. */
  runningBootId: string | undefined
  /** The disk in the definition that the next boot uses. */
  bootsFrom: BootDisk
  /** The disk that the domain runs from; undefined while it is off. */
  runsFrom: BootDisk | undefined
}

export interface ForeignDomain {
  /** The Server that made the domain; undefined: no Server made it. */
  owner: { namespace: string; name: string } | undefined
  state: 'running'
}

export interface Machine {
  /** The Server that libvirt's metadata and the owner file name. */
  owner: { namespace: string; name: string } | undefined
  domain: FakeDomain | undefined
  /** A domain with the Server's UUID that this Server does not own. */
  foreignDomain: ForeignDomain | undefined
  disks: boolean
  rescueDisk: { image: string; requestId: string } | undefined
  /** How many times the disks were made. */
  diskGeneration: number
  /** Content of the config drive: the spec of the Server at the time of the write. */
  configDrive: string | undefined
  ports: boolean
  /** Boot IDs of all cold boots, in order. */
  boots: string[]
  /** Number of QEMU processes so far: cold boots and restores. */
  starts: number
  /** IDs of the action requests for which the guest has got an NMI, in order. */
  nmis: string[]
  hasGuestAgent: boolean
  /** The sealed passwords that the guest agent has set, by user. */
  passwords: Record<string, string>
  /** Whether the guest powers off when its power button is pressed. */
  obeysPowerButton: boolean
}

export const newMachine = (): Machine => ({
  owner: undefined,
  domain: undefined,
  foreignDomain: undefined,
  disks: false,
  rescueDisk: undefined,
  diskGeneration: 0,
  configDrive: undefined,
  ports: false,
  boots: [],
  starts: 0,
  nmis: [],
  hasGuestAgent: true,
  passwords: {},
  obeysPowerButton: true,
})

export const hasActiveDomain = ({ domain }: Machine): boolean => domain !== undefined && domain.state !== 'off'

/** The fakes find the machine of a guest by its Server's uid. */
export type MachineOf = (uid: string | undefined) => Machine
