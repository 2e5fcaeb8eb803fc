/**
 * The domain's disks in Nova's order (root, ephemeral, swap, config drive), from which the names vda, vdb, … follow. In
 * a rescue the rescue disk comes first and the root disk second.
 */
import { Terminal } from '../../../crds/index.ts'
import type { DiskFile, DomainInput } from '../input.ts'
import { hasPcie } from '../os.ts'
import { imageProperty, isWindows, requireOneOf } from '../properties.ts'
import { type Element, xmlElement } from '../render-xml.ts'

const diskBuses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const
export type DiskBus = (typeof diskBuses)[number]

/**
 * The prefix of a disk's target name for each bus, such as vd in vda. The guest usually names its device with the same
 * prefix.
 */
export const diskTargetPrefixes: Readonly<Record<DiskBus, string>> = {
  virtio: 'vd',
  scsi: 'sd',
  sata: 'sd',
  ide: 'hd',
  usb: 'sd',
}

/** A disk or CD that has no target name (such as vda) yet. */
interface Drive {
  device: 'disk' | 'cdrom'
  bus: DiskBus
  file: DiskFile
  bootOrder?: number
}

/**
 * The bus of the disks: the image's hw_disk_bus, or virtio.
 * @throws a Terminal error (not retried) with the code UnsupportedHardware if the bus is unknown, or is IDE on a
 * machine without IDE
 */
export function diskBusOf(input: DomainInput): DiskBus {
  const bus = requireOneOf('hw_disk_bus', imageProperty(input, 'hw_disk_bus') ?? 'virtio', diskBuses)
  return rejectIdeOnPcie(input, 'hw_disk_bus', bus)
}

/**
 * The bus of the config drive's CD: the image's hw_cdrom_bus, or a bus that guests have a driver for. On PCI Express
 * Nova uses SATA, but the cloud kernels of distributions have no AHCI driver and would not see the config drive. So the
 * default is virtio-scsi, except for Windows, which has no driver for virtio-scsi.
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

/** Returns the domain's disks and its config drive in the order of their target names. */
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
 * The <backingStore> of an overlay. It names the backing file, so that QEMU does not read the name from the overlay,
 * which the guest may have changed. Without relabel=no libvirt would make QEMU's user the owner of the file that all
 * servers share, and one guest could then change it for all.
 */
const backingStoreElement = ({ path, format }: Pick<DiskFile, 'path' | 'format'>): Element =>
  xmlElement(
    'backingStore',
    { type: 'file' },
    xmlElement('format', { type: format }),
    xmlElement('source', { file: path }, xmlElement('seclabel', { model: 'dac', relabel: 'no' })),
    xmlElement('backingStore'),
  )
