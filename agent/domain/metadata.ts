/**
 * The <metadata> that libvirt stores with a domain: Kubenova's element, which names the Server that owns the domain,
 * and Nova's, which monitoring exporters read.
 */
import type { DomainInput } from './input.ts'
import { parseXml } from './parse-xml.ts'
import { type Element, stripInvalidXmlCharacters, xmlElement } from './render-xml.ts'

export const METADATA_NAMESPACE = 'https://kubenova.io/domain/1'
const METADATA_PREFIX = 'kubenova'
/** NOVA_NS in nova/virt/libvirt/config.py. */
const NOVA_NAMESPACE = 'http://openstack.org/xmlns/libvirt/nova/1.1'

export interface DomainOwner {
  namespace: string
  name: string
  /** The Server's metadata.uid. */
  uid: string
  /** The Server's metadata.generation when the domain was defined. */
  generation?: number
  /**
   * Names the request for which the domain was booted. After a crash, the restarted agent sees by this ID that it need
   * not boot the domain again.
   */
  bootId?: string
}

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

/**
 * Returns undefined if a required attribute is missing; the agent then treats the domain as one that no Server owns.
 */
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

/**
 * Reads the owner from the result of virDomainGetMetadata; undefined if it names no owner.
 * @throws a Terminal error (not retried) with the code InvalidXML if the XML is malformed
 */
export function parseDomainOwner(xml: string): DomainOwner | undefined {
  const { name, attributes } = parseXml(xml, 'domain metadata')
  return name.split(':').at(-1) === 'domain' ? ownerFromAttributes(attributes) : undefined
}

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

/** 2026-01-02T03:04:05Z gives "2026-01-02 03:04:05". */
const toNovaTime = (rfc3339: string) => rfc3339.replace('T', ' ').replace(/(\.\d+)?Z$/, '')
