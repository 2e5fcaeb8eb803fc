/**
 * Disks: root, ephemeral, swap and the config drive, in Nova's order, which gives them the names vda, vdb, …; in a
 * rescue the rescue disk comes before them, and the root disk is the second.
 */
import { Terminal } from '../../../crds/index.ts'
import type { DiskFile, DomainInput } from '../input.ts'
import { hasPcie } from '../os.ts'
import { imageProperty, isWindows, requireOneOf } from '../properties.ts'
import { type Element, xmlElement } from '../render-xml.ts'

const diskBuses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const
export type DiskBus = (typeof diskBuses)[number]

/** How the guest's device names on each bus begin. */
export const diskTargetPrefixes: Readonly<Record<DiskBus, string>> = {
  virtio: 'vd',
  scsi: 'sd',
  sata: 'sd',
  ide: 'hd',
  usb: 'sd',
}

/** A disk or CD before it has a target name. */
interface Drive {
  device: 'disk' | 'cdrom'
  bus: DiskBus
  file: DiskFile
  bootOrder?: number
}

/** Throws Terminal UnsupportedHardware for an IDE disk on a machine without IDE. */
export function diskBusOf(input: DomainInput): DiskBus {
  const bus = requireOneOf('hw_disk_bus', imageProperty(input, 'hw_disk_bus') ?? 'virtio', diskBuses)
  return rejectIdeOnPcie(input, 'hw_disk_bus', bus)
}

/**
 * The bus of the config drive's CD: the image's choice, or one that guests have a driver for. On PCI Express Nova takes
 * SATA, but the cloud kernels of distributions have no AHCI driver and would not see the config drive. So it is
 * virtio-scsi, except for Windows, which has no driver for that.
 */
export function cdromBusOf(input: DomainInput): DiskBus {
  const fallback = !hasPcie(input) ? 'ide' : isWindows(input) ? 'sata' : 'scsi'
  const bus = requireOneOf('hw_cdrom_bus', imageProperty(input, 'hw_cdrom_bus') ?? fallback, diskBuses)
  return rejectIdeOnPcie(input, 'hw_cdrom_bus', bus)
}

function rejectIdeOnPcie(input: DomainInput, name: string, bus: DiskBus): DiskBus {
  if (bus !== 'ide' || !hasPcie(input)) return bus
  throw new Terminal(
    'UnsupportedHardware',
    `${name} is ide, but the machine type has no IDE: take sata, or hw_machine_type pc`,
  )
}

/** In the order of their target names. */
export function drivesOf(input: DomainInput): Drive[] {
  const { rescueDisk, rootDisk, ephemeral, swap, configDrive } = input.paths
  const bus = diskBusOf(input)
  const disks = [rescueDisk, rootDisk, ephemeral, swap].filter((file) => file !== undefined)
  const drives: Drive[] = disks.map((file, index) => ({
    device: 'disk',
    bus,
    file,
    ...(index === 0 && { bootOrder: 1 }),
  }))
  if (configDrive !== undefined) {
    drives.push({ device: 'cdrom', bus: cdromBusOf(input), file: { path: configDrive, format: 'raw' } })
  }
  return drives
}

export function diskElements(input: DomainInput): Element[] {
  const usedTargets = new Map<string, number>()
  return drivesOf(input).map((drive) => {
    const prefix = diskTargetPrefixes[drive.bus]
    const index = usedTargets.get(prefix) ?? 0
    usedTargets.set(prefix, index + 1)
    return diskElement(drive, `${prefix}${String.fromCharCode(97 + index)}`)
  })
}

function diskElement({ device, bus, file, bootOrder }: Drive, target: string): Element {
  const isDisk = device === 'disk'
  return xmlElement(
    'disk',
    { type: 'file', device },
    xmlElement('driver', {
      name: 'qemu',
      type: file.format,
      cache: isDisk ? 'none' : undefined,
      discard: isDisk ? 'unmap' : undefined,
    }),
    xmlElement('source', { file: file.path }),
    file.backing && backingStoreElement(file.backing),
    xmlElement('target', { dev: target, bus }),
    isDisk ? undefined : xmlElement('readonly'),
    bootOrder === undefined ? undefined : xmlElement('boot', { order: bootOrder }),
  )
}

/**
 * Names the backing file, so that QEMU does not take it from the overlay, which the guest may have written. Without
 * relabel=no libvirt would give the shared file to QEMU's user, and one guest could then change it for all servers.
 */
const backingStoreElement = ({ path, format }: Pick<DiskFile, 'path' | 'format'>): Element =>
  xmlElement(
    'backingStore',
    { type: 'file' },
    xmlElement('format', { type: format }),
    xmlElement('source', { file: path }, xmlElement('seclabel', { model: 'dac', relabel: 'no' })),
    xmlElement('backingStore'),
  )
