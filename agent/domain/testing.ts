import * as fc from 'fast-check'
import { parseMemoryMiB } from './memory.ts'
import { type DomainOwner, ownerFromAttributes } from './metadata.ts'
import { childAt, childrenNamed, parseXml, textAt, type XmlNode } from './parse-xml.ts'
import { stripInvalidXmlCharacters } from './render-xml.ts'

interface DomainFacts {
  /** The domain type: kvm, qemu, … */
  type: string | undefined
  name: string | undefined
  uuid: string | undefined
  title: string | undefined
  vcpus: number
  ramMiB: number
  machine: string | undefined
  owner: DomainOwner | undefined
  disks: ReturnType<typeof diskOf>[]
  interfaces: ReturnType<typeof interfaceOf>[]
  consoleLog: string | undefined
  graphics: ReturnType<typeof graphicsOf>[]
}

/**
 * Reads from a domain's XML the facts that tests compare.
 * @throws a Terminal error (not retried) with the code InvalidXML if the XML is malformed
 */
export function parseDomain(xml: string): DomainFacts {
  const domain = parseXml(xml, 'domain XML')
  const devices = childAt(domain, 'devices')
  return {
    type: domain.attributes['type'],
    name: textAt(domain, 'name'),
    uuid: textAt(domain, 'uuid'),
    title: textAt(domain, 'title'),
    vcpus: Number(textAt(domain, 'vcpu')),
    ramMiB: parseMemoryMiB(childAt(domain, 'memory')),
    machine: childAt(domain, 'os', 'type')?.attributes['machine'],
    owner: ownerFromAttributes(childAt(domain, 'metadata', 'kubenova:domain')?.attributes ?? {}),
    disks: childrenNamed(devices, 'disk').map(diskOf),
    interfaces: childrenNamed(devices, 'interface').map(interfaceOf),
    consoleLog: childAt(devices, 'serial', 'log')?.attributes['file'],
    graphics: childrenNamed(devices, 'graphics').map(graphicsOf),
  }
}

function diskOf(disk: XmlNode) {
  return {
    device: disk.attributes['device'],
    /** Undefined for a CD drive without a medium. */
    source: childAt(disk, 'source')?.attributes['file'],
    target: childAt(disk, 'target')?.attributes['dev'],
    bus: childAt(disk, 'target')?.attributes['bus'],
    format: childAt(disk, 'driver')?.attributes['type'],
  }
}

function interfaceOf(node: XmlNode) {
  return {
    mac: childAt(node, 'mac')?.attributes['address'],
    tap: childAt(node, 'target')?.attributes['dev'],
    bridge: childAt(node, 'source')?.attributes['bridge'],
    model: childAt(node, 'model')?.attributes['type'],
  }
}

function graphicsOf(node: XmlNode) {
  return {
    type: node.attributes['type'],
    socket: childAt(node, 'listen')?.attributes['socket'] ?? node.attributes['socket'],
  }
}

export const arbitraryXmlText = fc
  .array(
    fc.oneof(
      fc.constantFrom('<', '>', '&', '"', "'", ']]>', '&amp;', '\n', '\t', '\r', '😀', '\u0085'),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((parts) => stripInvalidXmlCharacters(parts.join('')))
