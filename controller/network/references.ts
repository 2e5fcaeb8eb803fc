/** Finds the addresses and MACs that Ports and guests refer to, and decides which of several Ports owns an address. */
import type { Port, Server } from '../../crds/index.ts'
import { formatIP, type IP, parseIP } from './ip.ts'
import { portNameFor } from './port-name.ts'

/**
 * The addresses and the MAC of one Port: those in its status if they are allocated, otherwise those that its spec asks
 * for.
 */
export interface PortReference {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly created: string
  readonly addresses: readonly IP[]
  /** Whether the addresses are allocated. If not, the Port's spec only asks for them. */
  readonly isAllocated: boolean
  readonly mac: string | undefined
  /** The key of the Network (namespace/name). */
  readonly network: string
  /**
   * Whether the controller created the Port for a server. If so, the Port's name contains its first address and so
   * reserves it (port-name.ts). The name of a user's Port reserves nothing.
   */
  readonly isCreatedForServer: boolean
}

/** The key of a Port's Network (namespace/name). The namespace defaults to that of the Port. */
export function networkKeyOf({ metadata, spec }: Port): string {
  return `${spec.network.namespace ?? metadata.namespace ?? ''}/${spec.network.name}`
}

/**
 * Whether the Port is in its Network's namespace. A Port in another namespace can name any Network, even one that is
 * not shared. So the addresses and MAC in the spec of such a Port must not reserve anything.
 */
export const isInNetworkNamespace = (port: Port): boolean =>
  networkKeyOf(port).startsWith(`${port.metadata.namespace}/`)

/** Whether the controller has allocated a MAC and addresses to the Port. Users cannot write that status. */
export const isAllocated = ({ status }: Port): boolean => status?.macAddress !== undefined

/**
 * The addresses and MAC that are allocated to the Port, or else those that its spec asks for. Texts that are not
 * addresses are left out.
 */
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
    isAllocated: status?.fixedIPs !== undefined,
    mac: status?.macAddress ?? requested.macAddress,
    network: networkKeyOf(port),
    isCreatedForServer: spec.server !== undefined,
  }
}

/** The addresses and the MAC that the guest of a placed server uses on one network. */
interface GuestAddresses {
  /** The key of the Network (namespace/name). */
  network: string
  addresses: IP[]
  /** The addresses from which DHCP answers the guest. */
  dhcpAddresses: IP[]
  mac: string
}

/**
 * The addresses and MACs that a server's guest uses, from the interfaces in status.instance; none if the server has no
 * host.
 */
export function addressesInUseBy(server: Server | undefined): GuestAddresses[] {
  return (server?.status?.instance?.interfaces ?? []).map(({ network, networkNamespace, fixedIPs, macAddress }) => ({
    network: `${networkNamespace}/${network}`,
    addresses: fixedIPs.flatMap(({ address }) => parseIP(address) ?? []),
    dhcpAddresses: fixedIPs.flatMap(({ dhcpAddress }) => parseIP(dhcpAddress ?? '') ?? []),
    mac: macAddress,
  }))
}

/** Whether the Port's name reserves this address. */
function isNamedAfter(reference: PortReference, address: IP): boolean {
  const [namespace = '', name = ''] = reference.network.split('/')
  return (
    reference.isCreatedForServer &&
    reference.name ===
      portNameFor({ network: { namespace, name }, namespace: reference.namespace, addressOrMac: address })
  )
}

/**
 * The owner of an address that several Ports refer to: the Port that the controller named after the address
 * (port-name.ts), else the oldest Port, else the Port with the least uid. Every controller that sees the same Ports
 * finds the same owner.
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

/** A sentence for messages that tells which Port has the address. */
export function describeOwner({ namespace, name }: PortReference, address: IP): string {
  return `${formatIP(address)} is allocated to Port ${namespace}/${name}`
}

/**
 * Finds another Port that has the MAC, or that asks for the MAC in its spec and is older than `self`.
 * @param self the Port that wants the MAC; undefined if that Port does not exist yet. Then every Port whose spec asks
 * for the MAC counts as older
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
