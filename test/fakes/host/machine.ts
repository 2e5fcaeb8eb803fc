/** A Server's remains on a host of memory: its domain, its disks, its ports. The fakes of all capabilities work on it. */

/** A Server's domain as libvirt has it. A domain that is undefined while it runs is transient: it is gone as soon as it is off. */
export interface FakeDomain {
  state: 'running' | 'paused' | 'off' | 'pmsuspended'
  /** libvirt's reason of the state. */
  reason: string
  /** The definition that it runs with when it is restored; undefined: there is no managed save. */
  managedSave: { bootId: string | undefined } | undefined
  /** libvirtd is saving its memory: it is paused meanwhile. */
  isSaving: boolean
  persistent: boolean
  /** Boot ID in the definition that the next boot uses. */
  bootId: string
  /** Boot ID in the definition that the domain runs with; undefined while it is off. */
  runningBootId: string | undefined
}

export interface ForeignDomain {
  /** The Server that made it; undefined: none. */
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
  /** How often they were made. */
  disksMade: number
  /** Content of the config drive: the Server's spec when it was written. */
  configDrive: string | undefined
  ports: boolean
  /** Boot IDs of all cold boots, in order. */
  boots: string[]
  /** QEMU processes so far: cold boots and restores. */
  starts: number
  /** Requests for which the guest has got an NMI, in order. */
  nmis: string[]
  hasGuestAgent: boolean
  /** The sealed passwords that the guest agent has set, by user. */
  passwords: Record<string, string>
  /** Whether the guest powers off when it is asked to. */
  obeys: boolean
}

export const newMachine = (): Machine => ({
  owner: undefined,
  domain: undefined,
  foreignDomain: undefined,
  disks: false,
  disksMade: 0,
  configDrive: undefined,
  ports: false,
  boots: [],
  starts: 0,
  nmis: [],
  hasGuestAgent: true,
  passwords: {},
  obeys: true,
})

export const isOn = ({ domain }: Machine): boolean => domain !== undefined && domain.state !== 'off'

/** The fakes find the machine of a guest by its Server's uid. */
export type MachineOf = (uid: string | undefined) => Machine
