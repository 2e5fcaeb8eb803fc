/** What a domain is built from: the guest, the host's facts and the paths, all decided before; nothing is looked up. */
import type { Instance, Interface } from '../../crds/index.ts'
import type { DomainMark } from './metadata.ts'

export interface GuestFacts {
  /** libvirt's name of the domain: unique on the host, no '/' and no newline. */
  name: string
  /** Nova's display name. */
  title?: string
  description?: string
  /** Whose it is: server, generation, boot. */
  mark: DomainMark
  /** When the server was created, RFC 3339. */
  createdAt?: string
}

export interface HostFacts {
  /** kvm, or qemu: emulation. */
  domainType: 'kvm' | 'qemu'
  arch: 'x86_64' | 'aarch64'
  /** Default: libvirt's choice. */
  emulator?: string
  /** Machine type for images that name none, such as q35; libvirt makes a versioned one of it when the domain is defined. */
  machine: string
  /** Firmware that the host can boot with: Hypervisor's status.firmware. */
  firmware: readonly ('bios' | 'uefi')[]
}

export interface DiskFile {
  path: string
  format: 'qcow2' | 'raw'
  /** What an overlay is on: others have it, too. */
  backing?: Pick<DiskFile, 'path' | 'format'>
}

export interface GuestPaths {
  rootDisk: DiskFile
  ephemeral?: DiskFile
  swap?: DiskFile
  /** An ISO image. */
  configDrive?: string
  /** Gets all that the first serial port says. */
  consoleLog: string
  /** Variables of UEFI; libvirt makes the file. */
  nvram: string
}

/** An interface as it is plugged on this host. */
export interface Vif extends Interface {
  /** The bridge that it is in. */
  bridge: string
  /** Name of the tap device, at most 15 characters. */
  tap: string
}

export interface DomainInput {
  guest: GuestFacts
  instance: Instance
  host: HostFacts
  paths: GuestPaths
  /** In the guest's order. */
  interfaces: readonly Vif[]
  /** The UNIX socket that the VNC server listens on. */
  vncSocket: string
}
