/**
 * The input of buildDomain: facts about the guest and the host, and file paths. buildDomain itself looks nothing up.
 */
import type { Instance, Interface } from '../../crds/index.ts'
import type { DomainOwner } from './metadata.ts'

export interface GuestFacts {
  /** The domain's name in libvirt: unique on the host, without '/' and newline. */
  name: string
  /** The server's display name, as in Nova; undefined if it has none. */
  title?: string
  description?: string
  owner: DomainOwner
  /** When the server was created, in the format of RFC 3339. */
  createdAt?: string
}

export interface HostFacts {
  /** `kvm` for hardware virtualization, `qemu` for emulation. */
  domainType: 'kvm' | 'qemu'
  arch: 'x86_64' | 'aarch64'
  /** Path of the QEMU binary. If undefined, libvirt chooses one. */
  emulator?: string
  /**
   * Machine type for images that name none, such as q35. When libvirt defines the domain it replaces this alias by a
   * versioned type.
   */
  machine: string
  /** The kinds of firmware that guests of this host can boot with, as in the Hypervisor's status.firmware. */
  firmware: readonly ('bios' | 'uefi')[]
}

export interface DiskFile {
  path: string
  format: 'qcow2' | 'raw'
  /** The cached image that this disk, if it is an overlay, is based on. Other servers use the same file. */
  backing?: Pick<DiskFile, 'path' | 'format'>
}

export interface GuestPaths {
  /** Only in a rescue: the disk that the guest boots from instead of its root disk. */
  rescueDisk?: DiskFile
  rootDisk: DiskFile
  ephemeral?: DiskFile
  swap?: DiskFile
  /** Path of the config drive's ISO image; undefined if the server has no config drive. */
  configDrive?: string
  /** The file to which the output of the first serial port is written. */
  consoleLog: string
  /** The file of UEFI variables. libvirt creates it. */
  nvram: string
}

/** A network interface of the guest, with the bridge and the tap device that it uses on this host. */
export interface Vif extends Interface {
  bridge: string
  /** Name of the tap device; Linux allows 15 characters. */
  tap: string
}

export interface DomainInput {
  guest: GuestFacts
  instance: Instance
  host: HostFacts
  paths: GuestPaths
  /** The network interfaces, in the order in which the guest sees them. */
  interfaces: readonly Vif[]
  /** Path of the UNIX socket on which QEMU's VNC server listens. */
  vncSocket: string
}
