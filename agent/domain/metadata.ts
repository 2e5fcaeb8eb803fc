/**
 * What the domain says of itself, kept in libvirt: our mark, and Nova's own metadata, which exporters read.
 * The mark is one element with attributes only.
 */
import type { DomainInput } from './input.ts'
import { readXml } from './read.ts'
import { clean, type Element, el } from './xml.ts'

export const NAMESPACE = 'https://kubenova.io/domain/1'
const PREFIX = 'kubenova'
/** nova/virt/libvirt/config.py, NOVA_NS. */
const NOVA_NAMESPACE = 'http://openstack.org/xmlns/libvirt/nova/1.1'

/** Whose domain it is, and which boot it came from. */
export interface DomainMark {
  namespace: string
  name: string
  /** The Server's metadata.uid. */
  uid: string
  /** metadata.generation of the Server that the domain was built from. */
  generation?: number
  /** See runningBootId of actions/host/domains.ts. */
  boot?: string
}

/** The element that buildDomain puts into <metadata>. */
export function markElement({ namespace, name, uid, generation, boot }: DomainMark): Element {
  return el(`${PREFIX}:domain`, { [`xmlns:${PREFIX}`]: NAMESPACE, namespace, name, uid, generation, boot })
}

/** The mark in an element's attributes; undefined if one is missing, so the domain is not taken for ours. */
export function readMark(attributes: Readonly<Record<string, string | undefined>>): DomainMark | undefined {
  const { namespace, name, uid, generation, boot } = attributes
  if (!namespace || !name || !uid) return undefined
  return {
    namespace,
    name,
    uid,
    ...(generation !== undefined && /^\d+$/.test(generation) && { generation: Number(generation) }),
    ...(boot !== undefined && { boot }),
  }
}

/** The mark in what virDomainGetMetadata returns for our namespace: the element alone. @throws Terminal InvalidXML */
export function parseMark(xml: string): DomainMark | undefined {
  const { name, attributes } = readXml(xml, 'domain metadata')
  return name.split(':').at(-1) === 'domain' ? readMark(attributes) : undefined
}

/** nova:instance: name, flavor, owner, image and ports. */
export function novaElement({ guest, instance, interfaces }: DomainInput): Element {
  const { flavor, image } = instance
  const project = guest.mark.namespace
  return el(
    'nova:instance',
    { 'xmlns:nova': NOVA_NAMESPACE },
    el('nova:name', {}, clean(guest.title ?? guest.mark.name)),
    guest.createdAt === undefined ? undefined : el('nova:creationTime', {}, novaTime(guest.createdAt)),
    el(
      'nova:flavor',
      { name: flavor.name },
      el('nova:memory', {}, flavor.ram),
      el('nova:disk', {}, flavor.disk),
      el('nova:swap', {}, flavor.swap),
      el('nova:ephemeral', {}, flavor.ephemeral),
      el('nova:vcpus', {}, flavor.vcpus),
    ),
    el('nova:owner', {}, el('nova:project', { uuid: project }, project)),
    el('nova:root', { type: 'image', uuid: image.uid }),
    el('nova:ports', {}, ...interfaces.map((i) => el('nova:port', { uuid: i.portId }, ...i.fixedIPs.map(ipElement)))),
  )
}

const ipElement = ({ address }: { address: string }) =>
  el('nova:ip', { type: 'fixed', address, ipVersion: address.includes(':') ? '6' : '4' })

/** 2026-01-02T03:04:05Z → "2026-01-02 03:04:05", as Nova writes it. */
const novaTime = (rfc3339: string) => rfc3339.replace('T', ' ').replace(/(\.\d+)?Z$/, '')
