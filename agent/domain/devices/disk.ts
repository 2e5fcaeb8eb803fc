/** Disks: root, ephemeral, swap and the config drive, with the names that Nova's guests see (vda, vdb, …). */
import { Terminal } from '../../../crds/index.ts'
import type { DiskFile, DomainInput } from '../input.ts'
import { isPcie } from '../os.ts'
import { imageProperty, isWindows, oneOf } from '../properties.ts'
import { type Element, el } from '../xml.ts'

const buses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const
export type DiskBus = (typeof buses)[number]

const PREFIXES: Record<DiskBus, string> = { virtio: 'vd', scsi: 'sd', sata: 'sd', ide: 'hd', usb: 'sd' }

/** A drive before it has a name. */
interface Drive {
  device: 'disk' | 'cdrom'
  bus: DiskBus
  file: DiskFile
  bootOrder?: number
}

/** Throws Terminal UnsupportedHardware for an IDE disk on a machine without IDE. */
export function diskBusOf(input: DomainInput): DiskBus {
  const bus = oneOf('hw_disk_bus', imageProperty(input, 'hw_disk_bus') ?? 'virtio', buses)
  return withoutIde(input, 'hw_disk_bus', bus)
}

/**
 * A CD's bus: the image's, or else one that guests have a driver for. On PCI Express Nova takes SATA; the kernels that distributions
 * make for clouds have no AHCI and would not see their config drive, so it is virtio-scsi but for Windows, which has no driver for that.
 */
export function cdromBusOf(input: DomainInput): DiskBus {
  const fallback = !isPcie(input) ? 'ide' : isWindows(input) ? 'sata' : 'scsi'
  const bus = oneOf('hw_cdrom_bus', imageProperty(input, 'hw_cdrom_bus') ?? fallback, buses)
  return withoutIde(input, 'hw_cdrom_bus', bus)
}

function withoutIde(input: DomainInput, name: string, bus: DiskBus): DiskBus {
  if (bus !== 'ide' || !isPcie(input)) return bus
  throw new Terminal(
    'UnsupportedHardware',
    `${name} is ide, but the machine type has no IDE: take sata, or hw_machine_type pc`,
  )
}

/** The drives in the order of their names. */
export function drives(input: DomainInput): Drive[] {
  const { rootDisk, ephemeral, swap, configDrive } = input.paths
  const bus = diskBusOf(input)
  const disks = [rootDisk, ephemeral, swap].filter((file) => file !== undefined)
  const list: Drive[] = disks.map((file) => ({ device: 'disk', bus, file, ...(file === rootDisk && { bootOrder: 1 }) }))
  if (configDrive !== undefined) {
    list.push({ device: 'cdrom', bus: cdromBusOf(input), file: { path: configDrive, format: 'raw' } })
  }
  return list
}

export function diskElements(input: DomainInput): Element[] {
  const used = new Map<string, number>()
  return drives(input).map((drive) => {
    const prefix = PREFIXES[drive.bus]
    const index = used.get(prefix) ?? 0
    used.set(prefix, index + 1)
    return diskElement(drive, `${prefix}${String.fromCharCode(97 + index)}`)
  })
}

function diskElement({ device, bus, file, bootOrder }: Drive, target: string): Element {
  const disk = device === 'disk'
  return el(
    'disk',
    { type: 'file', device },
    el('driver', {
      name: 'qemu',
      type: file.format,
      cache: disk ? 'none' : undefined,
      discard: disk ? 'unmap' : undefined,
    }),
    el('source', { file: file.path }),
    file.backing && backingStore(file.backing),
    el('target', { dev: target, bus }),
    disk ? undefined : el('readonly'),
    bootOrder === undefined ? undefined : el('boot', { order: bootOrder }),
  )
}

/**
 * Said, not found out from the disk, which the guest writes. QEMU may read it and no more: libvirt would give it to QEMU's user, who could then
 * change it for all servers.
 */
const backingStore = ({ path, format }: Pick<DiskFile, 'path' | 'format'>): Element =>
  el(
    'backingStore',
    { type: 'file' },
    el('format', { type: format }),
    el('source', { file: path }, el('seclabel', { model: 'dac', relabel: 'no' })),
    el('backingStore'),
  )
