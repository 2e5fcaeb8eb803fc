/** The input of buildDomain: guest, facts of the host, and paths. buildDomain looks nothing up itself. */
import type { Instance, Interface } from '../../crds/index.ts'
import type { DomainOwner } from './metadata.ts'

export interface GuestFacts {
  /** libvirt's name of the domain: unique on the host, no '/' and no newline. */
  name: string
  /** Nova's display name. */
  title?: string
  description?: string
  owner: DomainOwner
  /** When the server was created, RFC 3339. */
  createdAt?: string
}

export interface HostFacts {
  /** kvm for hardware virtualization, qemu for emulation. */
  domainType: 'kvm' | 'qemu'
  arch: 'x86_64' | 'aarch64'
  /** Path of the QEMU binary; default: libvirt's choice. */
  emulator?: string
  /**
   * Machine type for images that name none, such as q35. libvirt replaces it by a versioned one when it defines the
   * domain.
   */
  machine: string
  /** Firmware that the host can boot with: Hypervisor's status.firmware. */
  firmware: readonly ('bios' | 'uefi')[]
}

export interface DiskFile {
  path: string
  format: 'qcow2' | 'raw'
  /** The cached image below an overlay; other servers share it. */
  backing?: Pick<DiskFile, 'path' | 'format'>
}

export interface GuestPaths {
  /** In a rescue: the disk that the guest boots from instead of its root disk. */
  rescueDisk?: DiskFile
  rootDisk: DiskFile
  ephemeral?: DiskFile
  swap?: DiskFile
  /** An ISO image. */
  configDrive?: string
  /** The file that receives the output of the first serial port. */
  consoleLog: string
  /** The file of UEFI variables, which libvirt creates. */
  nvram: string
}

/** A network interface of the guest, with the bridge and the tap that it uses on this host. */
export interface Vif extends Interface {
  bridge: string
  /** Name of the tap device: 15 characters at most. */
  tap: string
}

export interface DomainInput {
  guest: GuestFacts
  instance: Instance
  host: HostFacts
  paths: GuestPaths
  /** In the order in which the guest sees them. */
  interfaces: readonly Vif[]
  /** The UNIX socket that the VNC server listens on. */
  vncSocket: string
}
