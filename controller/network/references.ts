/** The addresses and MACs that Ports and guests refer to, and which of several Ports owns an address. */
import type { Port, Server } from '../../crds/index.ts'
import { formatIP, type IP, parseIP } from './ip.ts'
import { portNameFor } from './port-name.ts'

/** A Port's reference to the addresses and the MAC that it has or asks for. */
export interface PortReference {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly created: string
  readonly addresses: readonly IP[]
  readonly mac: string | undefined
  /** The network, as namespace/name. */
  readonly network: string
  /**
   * The controller created the Port for a server, so its name reserves its first address. Users may name their Ports as
   * they like.
   */
  readonly isCreatedForServer: boolean
}

/** The network that a port is on, as namespace/name. The namespace defaults to the port's own. */
export function networkOf({ metadata, spec }: Port): string {
  return `${spec.network.namespace ?? metadata.namespace ?? ''}/${spec.network.name}`
}

/**
 * Whether the Port is in its Network's namespace. A Port in another namespace can name any Network, even one that is
 * not shared, so what its spec asks for reserves nothing.
 */
export const isInNetworkNamespace = (port: Port): boolean => networkOf(port).startsWith(`${port.metadata.namespace}/`)

/** Whether the controller has allocated a MAC, and its addresses, to the Port. Only the controller can write that. */
export const isAllocated = ({ status }: Port): boolean => status?.macAddress !== undefined

/** The port's allocated addresses and MAC, else those that it asks for. Text that is not an address is left out. */
export function referenceOf(port: Port): PortReference {
  const { metadata, spec, status } = port
  const requested: Partial<typeof spec> = isInNetworkNamespace(port) ? spec : {}
  const addresses = (status?.fixedIPs ?? requested.fixedIPs ?? []).flatMap((text) => parseIP(text) ?? [])
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    created: metadata.creationTimestamp ?? '',
    addresses,
    mac: status?.macAddress ?? requested.macAddress,
    network: networkOf(port),
    isCreatedForServer: spec.server !== undefined,
  }
}

/** The addresses and the MAC that the guest of a placed server uses on one network. */
interface GuestAddresses {
  /** As namespace/name. */
  network: string
  addresses: IP[]
  mac: string
}

/**
 * The addresses and MACs in use by a server's guest, from the interfaces it was placed with; none if it is not placed.
 */
export function addressesInUseBy(server: Server | undefined): GuestAddresses[] {
  return (server?.status?.instance?.interfaces ?? []).map(({ network, networkNamespace, fixedIPs, macAddress }) => ({
    network: `${networkNamespace}/${network}`,
    addresses: fixedIPs.flatMap(({ address }) => parseIP(address) ?? []),
    mac: macAddress,
  }))
}

/** Whether the port's name reserves this address. */
function isNamedAfter(reference: PortReference, address: IP): boolean {
  const [namespace = '', name = ''] = reference.network.split('/')
  return (
    reference.isCreatedForServer &&
    reference.name ===
      portNameFor({ network: { namespace, name }, namespace: reference.namespace, addressOrMac: address })
  )
}

/**
 * The owner of an address that several Ports refer to: the one whose name reserves it, else the oldest, else the one
 * with the least uid. Every controller that sees the same Ports comes to the same result.
 */
export function ownerAmong(references: readonly PortReference[], address: IP): PortReference | undefined {
  return references.reduce<PortReference | undefined>(
    (best, next) => (best === undefined || precedes(next, best, address) ? next : best),
    undefined,
  )
}

function precedes(a: PortReference, b: PortReference, address: IP): boolean {
  const [x, y] = [isNamedAfter(a, address), isNamedAfter(b, address)]
  if (x !== y) return x
  const [ta, tb] = [Date.parse(a.created), Date.parse(b.created)]
  if (ta !== tb) return ta < tb || Number.isNaN(tb)
  return a.uid < b.uid
}

/** For messages: which port has which address. */
export function describeOwner({ namespace, name }: PortReference, address: IP): string {
  return `${formatIP(address)} is allocated to Port ${namespace}/${name}`
}

/**
 * Finds another of these ports that has the MAC, or asked for it first.
 * @param self the port that wants the MAC, if it exists already
 */
export function findPortWithMac(mac: string, ports: readonly Port[], self?: Port): Port | undefined {
  const ageKey = ({ metadata }: Port): string => `${metadata.creationTimestamp ?? ''} ${metadata.uid}`
  return ports.find((port) => {
    if (port.metadata.uid === self?.metadata.uid) return false
    if (port.status?.macAddress !== undefined) return port.status.macAddress === mac
    if (!isInNetworkNamespace(port) && (self === undefined || isInNetworkNamespace(self))) return false
    return port.spec.macAddress === mac && (self === undefined || ageKey(port) < ageKey(self))
  })
}
