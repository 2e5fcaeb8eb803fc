/** The input of buildDomain, which itself looks nothing up. */
import type { Instance, Interface } from '../../crds/index.ts'
import type { DomainOwner } from './metadata.ts'
import type { XmlNode } from './parse-xml.ts'

export interface GuestFacts {
  /** Unique on the host, without '/' and newline. */
  name: string
  /** Undefined if the server has no display name. */
  title?: string
  description?: string
  owner: DomainOwner
  /** In the format of RFC 3339. */
  createdAt?: string
}

export interface HostFacts {
  /** `kvm` for hardware virtualization, `qemu` for emulation. */
  domainType: 'kvm' | 'qemu'
  arch: 'x86_64' | 'aarch64'
  /** If undefined, libvirt chooses the QEMU binary. */
  emulator?: string
  /** The machine type, such as q35, for images that name none. libvirt replaces this alias by a versioned type. */
  machine: string
  firmware: readonly ('bios' | 'uefi')[]
}

export interface DiskFile {
  path: string
  format: 'qcow2' | 'raw'
  type?: 'block'
  /** Absent if the disk is no overlay. */
  backing?: BackingFile
}

export interface BackingFile extends DiskFile {
  /** Absent for a cached image, which other servers use, too. */
  isOwn?: true
}

export interface AttachedDisk {
  /** The <disk> element in the domain's definition. */
  element: XmlNode
  /** Absent if the disk is no overlay. */
  backing?: BackingFile
}

/**
 * The purpose of each disk of a server. The disk's alias in the domain's definition contains its role, because
 * libvirt's tools keep the alias when they move the disk to another file.
 */
export const diskRoles = ['rescue', 'root', 'ephemeral', 'swap'] as const
export type DiskRole = (typeof diskRoles)[number]

export interface GuestPaths {
  /** Only in a rescue: the disk that the guest boots from. */
  rescueDisk?: DiskFile
  rootDisk: DiskFile
  ephemeral?: DiskFile
  swap?: DiskFile
  /** Undefined if the server has no config drive. */
  configDrive?: string
  consoleLog: string
  /** The file of UEFI variables. libvirt creates it. */
  nvram: string
}

export interface Vif extends Interface {
  bridge: string
  /** Linux allows 15 characters. */
  tap: string
}

export interface DomainInput {
  guest: GuestFacts
  instance: Instance
  host: HostFacts
  paths: GuestPaths
  /** In the order in which the guest sees the interfaces. */
  interfaces: readonly Vif[]
  attachedDisks?: readonly AttachedDisk[]
  vncSocket: string
}
