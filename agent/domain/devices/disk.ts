/**
 * The domain's disks in Nova's order, which determines the names vda, vdb, …: rescue disk, root, ephemeral, swap,
 * config drive.
 */
import { Terminal } from '../../../crds/index.ts'
import { aliasOfConfigDrive, aliasOfRole, isForeignUserAlias } from '../defined-disks.ts'
import { type AttachedDisk, type BackingFile, type DiskFile, type DomainInput, diskRoles } from '../input.ts'
import { hasPcie } from '../os.ts'
import { childAt } from '../parse-xml.ts'
import { imageProperty, isWindows, requireOneOf } from '../properties.ts'
import { type Element, elementFromNode, xmlElement } from '../render-xml.ts'

const diskBuses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const
export type DiskBus = (typeof diskBuses)[number]

/** The prefix of a disk's target name, such as vd in vda. The guest usually names its device with the same prefix. */
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
  alias: string
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
 * The image's hw_cdrom_bus, or a bus that guests have a driver for. With PCI Express Nova uses SATA, but the cloud
 * kernels of distributions have no AHCI driver. So the default is then virtio-scsi; only Windows, which has no driver
 * for it, gets SATA.
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

export function drivesOf(input: DomainInput): Drive[] {
  const { rescueDisk, rootDisk, ephemeral, swap, configDrive } = input.paths
  const bus = diskBusOf(input)
  const files = { rescue: rescueDisk, root: rootDisk, ephemeral, swap }
  const drives: Drive[] = diskRoles.flatMap((role) => {
    const file = files[role]
    return file ? [{ device: 'disk' as const, bus, file, alias: aliasOfRole(role) }] : []
  })
  const first = drives[0]
  if (first) first.bootOrder = 1
  if (configDrive !== undefined) {
    const file = { path: configDrive, format: 'raw' } as const
    drives.push({ device: 'cdrom', bus: cdromBusOf(input), file, alias: aliasOfConfigDrive })
  }
  return drives
}

export const attachedBusesOf = ({ attachedDisks = [] }: DomainInput): string[] =>
  attachedDisks.map(({ element }) => childAt(element, 'target')?.attributes['bus'] ?? '')

export function diskElements(input: DomainInput): Element[] {
  const usedTargets = new Set<string>()
  const own = drivesOf(input).map((drive) => diskElement(drive, takeTarget(diskTargetPrefixes[drive.bus], usedTargets)))
  return [...own, ...(input.attachedDisks ?? []).map((disk) => attachedDiskElement(disk, usedTargets))]
}

/** Adds the returned name to `usedTargets`. */
function takeTarget(prefix: string, usedTargets: Set<string>): string {
  let index = 0
  while (usedTargets.has(`${prefix}${String.fromCharCode(97 + index)}`)) index += 1
  const target = `${prefix}${String.fromCharCode(97 + index)}`
  usedTargets.add(target)
  return target
}

/** The children of an attached disk's <disk> element that the agent or libvirt chooses anew, in whole or in part. */
const replacedElements = new Set(['address', 'alias', 'backingStore', 'boot', 'mirror', 'target'])

/**
 * If a disk of the server has taken the target name of the attached disk, as in a rescue, the attached disk gets the
 * next free name.
 */
function attachedDiskElement({ element: disk, backing }: AttachedDisk, usedTargets: Set<string>): Element {
  const { dev = 'vda', ...target } = childAt(disk, 'target')?.attributes ?? {}
  const { name: alias = '' } = childAt(disk, 'alias')?.attributes ?? {}
  const isFree = !usedTargets.has(dev)
  if (isFree) usedTargets.add(dev)
  const newTarget = isFree ? dev : takeTarget(dev.slice(0, 2), usedTargets)
  return xmlElement(
    'disk',
    { ...disk.attributes },
    ...disk.children.filter(({ name }) => !replacedElements.has(name)).map(elementFromNode),
    backing && backingStoreElement(backing),
    xmlElement('target', { dev: newTarget, ...target }),
    isForeignUserAlias(alias) ? xmlElement('alias', { name: alias }) : undefined,
  )
}

function diskElement({ device, bus, file, bootOrder, alias }: Drive, target: string): Element {
  const isDisk = device === 'disk'
  return xmlElement(
    'disk',
    { type: file.type ?? 'file', device },
    xmlElement('driver', {
      name: 'qemu',
      type: file.format,
      cache: isDisk ? 'none' : undefined,
      discard: isDisk ? 'unmap' : undefined,
    }),
    sourceElement(file),
    file.backing && backingStoreElement(file.backing),
    xmlElement('target', { dev: target, bus }),
    isDisk ? undefined : xmlElement('readonly'),
    bootOrder === undefined ? undefined : xmlElement('boot', { order: bootOrder }),
    xmlElement('alias', { name: alias }),
  )
}

const sourceElement = ({ type, path }: DiskFile, ...children: Element[]): Element =>
  xmlElement('source', type === 'block' ? { dev: path } : { file: path }, ...children)

/**
 * Names all layers with their formats, so that neither libvirt nor QEMU guesses a format. Without relabel=no libvirt
 * would make QEMU's user the owner of a cached image, and one guest could change the image of other servers.
 */
export const backingStoreElement = ({ isOwn, backing, ...file }: BackingFile): Element =>
  xmlElement(
    'backingStore',
    { type: file.type ?? 'file' },
    xmlElement('format', { type: file.format }),
    isOwn ? sourceElement(file) : sourceElement(file, xmlElement('seclabel', { model: 'dac', relabel: 'no' })),
    backing ? backingStoreElement(backing) : xmlElement('backingStore'),
  )
