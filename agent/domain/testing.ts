/** For tests: a domain's XML is read, as buildDomain writes it and as libvirt gives it back; texts that XML must bear. */
import * as fc from 'fast-check'
import { memoryMiB } from './memory.ts'
import { type DomainMark, readMark } from './metadata.ts'
import { all, at, readXml, textAt, type XmlNode } from './read.ts'
import { clean } from './xml.ts'

interface DomainFacts {
  /** kvm, qemu, … */
  type: string | undefined
  name: string | undefined
  uuid: string | undefined
  title: string | undefined
  vcpus: number
  /** MiB */
  ram: number
  machine: string | undefined
  mark: DomainMark | undefined
  disks: ReturnType<typeof diskOf>[]
  interfaces: ReturnType<typeof interfaceOf>[]
  consoleLog: string | undefined
  graphics: ReturnType<typeof graphicsOf>[]
}

/** @throws Terminal InvalidXML */
export function parseDomain(xml: string): DomainFacts {
  const domain = readXml(xml, 'domain XML')
  const devices = at(domain, 'devices')
  return {
    type: domain.attributes['type'],
    name: textAt(domain, 'name'),
    uuid: textAt(domain, 'uuid'),
    title: textAt(domain, 'title'),
    vcpus: Number(textAt(domain, 'vcpu')),
    ram: memoryMiB(at(domain, 'memory')),
    machine: at(domain, 'os', 'type')?.attributes['machine'],
    mark: readMark(at(domain, 'metadata', 'kubenova:domain')?.attributes ?? {}),
    disks: all(devices, 'disk').map(diskOf),
    interfaces: all(devices, 'interface').map(interfaceOf),
    consoleLog: at(devices, 'serial', 'log')?.attributes['file'],
    graphics: all(devices, 'graphics').map(graphicsOf),
  }
}

function diskOf(disk: XmlNode) {
  return {
    device: disk.attributes['device'],
    /** Undefined: an empty drive. */
    source: at(disk, 'source')?.attributes['file'],
    target: at(disk, 'target')?.attributes['dev'],
    bus: at(disk, 'target')?.attributes['bus'],
    format: at(disk, 'driver')?.attributes['type'],
  }
}

function interfaceOf(node: XmlNode) {
  return {
    mac: at(node, 'mac')?.attributes['address'],
    tap: at(node, 'target')?.attributes['dev'],
    bridge: at(node, 'source')?.attributes['bridge'],
    model: at(node, 'model')?.attributes['type'],
  }
}

function graphicsOf(node: XmlNode) {
  return {
    type: node.attributes['type'],
    socket: at(node, 'listen')?.attributes['socket'] ?? node.attributes['socket'],
  }
}

/** All that XML can carry, with what must be escaped more often than chance would have it. */
export const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('<', '>', '&', '"', "'", ']]>', '&amp;', '\n', '\t', '\r', '😀', '\u0085'),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((parts) => clean(parts.join('')))
