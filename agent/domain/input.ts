/**
 * The input of buildDomain: facts about the guest and the host, and file paths. buildDomain itself looks nothing up.
 */
import type { Instance, Interface } from '../../crds/index.ts'
import type { DomainOwner } from './metadata.ts'
import type { XmlNode } from './parse-xml.ts'

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
   * The machine type, such as q35, for images that name none. libvirt replaces this alias by a versioned type when it
   * defines the domain.
   */
  machine: string
  /** The kinds of firmware that guests of this host can boot with, as in the Hypervisor's status.firmware. */
  firmware: readonly ('bios' | 'uefi')[]
}

export interface DiskFile {
  /** Path of a file, or of a block device if `type` is `block`. */
  path: string
  format: 'qcow2' | 'raw'
  type?: 'block'
  /** The layer below this disk, if the disk is an overlay. */
  backing?: BackingFile
}

export interface BackingFile extends DiskFile {
  /** True if only this server uses the layer. Absent for a cached image, which other servers use, too. */
  isOwn?: true
}

/** A disk that an administrator has attached to the domain, with libvirt's tools. */
export interface AttachedDisk {
  /** The <disk> element in the domain's definition. */
  element: XmlNode
  /** The layer below the disk, if the disk is an overlay. */
  backing?: BackingFile
}

/**
 * The roles of a server's disks: what each disk is for. The domain's definition contains a disk's role in the disk's
 * alias, because libvirt's tools keep the alias when they move the disk to another file.
 */
export const diskRoles = ['rescue', 'root', 'ephemeral', 'swap'] as const
export type DiskRole = (typeof diskRoles)[number]

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
  /** Disks that an administrator has attached to the domain. */
  attachedDisks?: readonly AttachedDisk[]
  /** Path of the UNIX socket on which QEMU's VNC server listens. */
  vncSocket: string
}
