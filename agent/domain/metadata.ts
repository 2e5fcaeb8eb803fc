/**
 * The <metadata> that libvirt keeps with a domain: the Server that owns the domain, and Nova's own metadata, which
 * exporters read. The owner is one element that has attributes only.
 */
import type { DomainInput } from './input.ts'
import { parseXml } from './parse-xml.ts'
import { type Element, stripInvalidXmlCharacters, xmlElement } from './render-xml.ts'

export const METADATA_NAMESPACE = 'https://kubenova.io/domain/1'
const METADATA_PREFIX = 'kubenova'
/** nova/virt/libvirt/config.py, NOVA_NS. */
const NOVA_NAMESPACE = 'http://openstack.org/xmlns/libvirt/nova/1.1'

/** The Server that owns a domain, and the boot that the domain was defined for. */
export interface DomainOwner {
  namespace: string
  name: string
  /** The Server's metadata.uid. */
  uid: string
  /** metadata.generation of the Server that the domain was built from. */
  generation?: number
  /** See runningBootId of actions/host/domains.ts. */
  bootId?: string
}

/** The element that buildDomain puts into <metadata>. */
export function ownerElement({ namespace, name, uid, generation, bootId }: DomainOwner): Element {
  return xmlElement(`${METADATA_PREFIX}:domain`, {
    [`xmlns:${METADATA_PREFIX}`]: METADATA_NAMESPACE,
    namespace,
    name,
    uid,
    generation,
    boot: bootId,
  })
}

/** Undefined if a required attribute is missing: the domain then counts as foreign. */
export function ownerFromAttributes(attributes: Readonly<Record<string, string | undefined>>): DomainOwner | undefined {
  const { namespace, name, uid, generation, boot } = attributes
  if (!namespace || !name || !uid) return undefined
  return {
    namespace,
    name,
    uid,
    ...(generation !== undefined && /^\d+$/.test(generation) && { generation: Number(generation) }),
    ...(boot !== undefined && { bootId: boot }),
  }
}

/** Reads the element that virDomainGetMetadata returns for our namespace. @throws Terminal InvalidXML */
export function parseDomainOwner(xml: string): DomainOwner | undefined {
  const { name, attributes } = parseXml(xml, 'domain metadata')
  return name.split(':').at(-1) === 'domain' ? ownerFromAttributes(attributes) : undefined
}

/** <nova:instance>: name, flavor, owner, image and ports. */
export function novaInstanceElement({ guest, instance, interfaces }: DomainInput): Element {
  const { flavor, image } = instance
  const project = guest.owner.namespace
  return xmlElement(
    'nova:instance',
    { 'xmlns:nova': NOVA_NAMESPACE },
    xmlElement('nova:name', {}, stripInvalidXmlCharacters(guest.title ?? guest.owner.name)),
    guest.createdAt === undefined ? undefined : xmlElement('nova:creationTime', {}, toNovaTime(guest.createdAt)),
    xmlElement(
      'nova:flavor',
      { name: flavor.name },
      xmlElement('nova:memory', {}, flavor.ram),
      xmlElement('nova:disk', {}, flavor.disk),
      xmlElement('nova:swap', {}, flavor.swap),
      xmlElement('nova:ephemeral', {}, flavor.ephemeral),
      xmlElement('nova:vcpus', {}, flavor.vcpus),
    ),
    xmlElement('nova:owner', {}, xmlElement('nova:project', { uuid: project }, project)),
    xmlElement('nova:root', { type: 'image', uuid: image.uid }),
    xmlElement(
      'nova:ports',
      {},
      ...interfaces.map((i) => xmlElement('nova:port', { uuid: i.portId }, ...i.fixedIPs.map(ipElement))),
    ),
  )
}

const ipElement = ({ address }: { address: string }) =>
  xmlElement('nova:ip', { type: 'fixed', address, ipVersion: address.includes(':') ? '6' : '4' })

/** 2026-01-02T03:04:05Z → "2026-01-02 03:04:05", as Nova writes it. */
const toNovaTime = (rfc3339: string) => rfc3339.replace('T', ' ').replace(/(\.\d+)?Z$/, '')
