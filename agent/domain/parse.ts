/** parseDomain: what the agent observes of a domain, out of the XML that libvirt gives. */
import { Terminal } from '../../crds/index.ts'
import { type DomainMark, NAMESPACE, readMark } from './metadata.ts'
import { all, at, readXml, textAt, type XmlNode } from './read.ts'

export interface DomainDisk {
  device: string
  /** File or block device; undefined: an empty drive, or a network disk. */
  source?: string
  target: string
  bus?: string
  format?: string
}

export interface DomainInterface {
  mac: string
  /** The tap; of a domain that is off: as it was defined. */
  tap?: string
  bridge?: string
  model?: string
}

export interface DomainGraphics {
  type: string
  socket?: string
  /** -1 becomes undefined: chosen when it starts. */
  port?: number
  address?: string
}

export interface DomainFacts {
  /** kvm, qemu, … */
  type: string
  name: string
  uuid: string
  title?: string
  /** libvirt's number of a running domain. */
  id?: number
  vcpus: number
  /** MiB */
  ram: number
  machine?: string
  /** Ours, if it has our mark. */
  mark?: DomainMark
  disks: DomainDisk[]
  interfaces: DomainInterface[]
  consoleLog?: string
  /** Path of the serial console's PTY; of a running domain only. */
  pty?: string
  graphics: DomainGraphics[]
}

/** Throws Terminal InvalidXML. */
export function parseDomain(xml: string): DomainFacts {
  const domain = readXml(xml, 'domain XML')
  const devices = at(domain, 'devices')
  const mark = findMark(domain)
  const id = integer(domain.attributes['id'])
  return defined({
    type: need(domain.attributes['type'], 'type'),
    name: need(textAt(domain, 'name'), 'name'),
    uuid: need(textAt(domain, 'uuid'), 'uuid').toLowerCase(),
    title: textAt(domain, 'title'),
    id,
    vcpus: Number(textAt(domain, 'vcpu') ?? 1),
    ram: memoryMiB(at(domain, 'memory')),
    machine: at(domain, 'os', 'type')?.attributes['machine'],
    mark,
    disks: all(devices, 'disk').map(diskOf),
    interfaces: all(devices, 'interface').map(interfaceOf),
    consoleLog: at(devices, 'serial', 'log')?.attributes['file'],
    pty: at(devices, 'serial', 'source')?.attributes['path'],
    graphics: all(devices, 'graphics').map(graphicsOf),
  })
}

/** The mark in what virDomainGetMetadata returns for our namespace: the element alone. Throws Terminal InvalidXML. */
export function parseMark(xml: string): DomainMark | undefined {
  return readMark(readXml(xml, 'domain metadata').attributes)
}

function findMark(domain: XmlNode): DomainMark | undefined {
  const ours = at(domain, 'metadata')?.children.find((node) => {
    const [local, prefix] = node.name.split(':').reverse()
    const declaration = prefix === undefined ? 'xmlns' : `xmlns:${prefix}`
    return local === 'domain' && (node.attributes[declaration] ?? domain.attributes[declaration]) === NAMESPACE
  })
  return ours === undefined ? undefined : readMark(ours.attributes)
}

function diskOf(disk: XmlNode): DomainDisk {
  const source = at(disk, 'source')?.attributes
  return defined({
    device: disk.attributes['device'] ?? 'disk',
    source: source?.['file'] ?? source?.['dev'],
    target: need(at(disk, 'target')?.attributes['dev'], 'target of a disk'),
    bus: at(disk, 'target')?.attributes['bus'],
    format: at(disk, 'driver')?.attributes['type'],
  })
}

function interfaceOf(node: XmlNode): DomainInterface {
  return defined({
    mac: need(at(node, 'mac')?.attributes['address'], 'MAC of an interface').toLowerCase(),
    tap: at(node, 'target')?.attributes['dev'],
    bridge: at(node, 'source')?.attributes['bridge'],
    model: at(node, 'model')?.attributes['type'],
  })
}

function graphicsOf(node: XmlNode): DomainGraphics {
  const listen = at(node, 'listen')?.attributes
  const port = integer(node.attributes['port'])
  return defined({
    type: need(node.attributes['type'], 'type of graphics'),
    socket: listen?.['socket'] ?? node.attributes['socket'],
    port,
    address: listen?.['address'] ?? node.attributes['listen'],
  })
}

const UNITS: Record<string, number | undefined> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
}

/** An element with libvirt's units of memory (default KiB), in MiB. */
export function memoryMiB(node: XmlNode | undefined): number {
  const unit = UNITS[node?.attributes['unit'] ?? 'KiB']
  const amount = Number(node?.text.trim() || Number.NaN)
  if (unit === undefined || Number.isNaN(amount)) throw new Terminal('InvalidXML', 'domain XML: memory cannot be read')
  return Math.floor((amount * unit) / 1024 ** 2)
}

function need(value: string | undefined, what: string): string {
  if (value !== undefined) return value
  throw new Terminal('InvalidXML', `domain XML: ${what} is missing`)
}

/** A number that is not negative: libvirt writes -1 for none. */
function integer(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined
}

/** The object without the members that are undefined. */
function defined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T
}
