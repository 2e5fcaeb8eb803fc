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
  readonly isAllocated: boolean
  readonly mac: string | undefined
  /** The key of the Network (namespace/name). */
  readonly network: string
  /** true: the Port's name contains its first address and so reserves it (port-name.ts). */
  readonly isCreatedForServer: boolean
}

/** The key of a Port's Network (namespace/name). The namespace defaults to that of the Port. */
export function networkKeyOf({ metadata, spec }: Port): string {
  return `${spec.network.namespace ?? metadata.namespace ?? ''}/${spec.network.name}`
}

/**
 * A Port in another namespace can name any Network, even one that is not shared. So the spec of such a Port must not
 * reserve anything.
 */
export const isInNetworkNamespace = (port: Port): boolean =>
  networkKeyOf(port).startsWith(`${port.metadata.namespace}/`)

/** Whether the controller has allocated a MAC and addresses to the Port. Users cannot write that status. */
export const isAllocated = ({ status }: Port): boolean => status?.macAddress !== undefined

/**
 * Takes the allocated addresses and the allocated MAC if there are any, otherwise those that the spec asks for. A text
 * that is not an address is left out.
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

interface GuestAddresses {
  /** The key of the Network (namespace/name). */
  network: string
  addresses: IP[]
  dhcpAddresses: IP[]
  mac: string
}

/**
 * The addresses and MACs of a server's guest, from the interfaces in status.instance; none if the server has no host.
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
 * The owner of an address that several Ports refer to: the Port named after the address (port-name.ts), else the oldest
 * Port, else the one with the least uid. So every controller finds the same owner.
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

export function describeOwner({ namespace, name }: PortReference, address: IP): string {
  return `${formatIP(address)} is allocated to Port ${namespace}/${name}`
}

/**
 * Finds another Port that has the MAC, or that asks for it and is older than `self`.
 * @param self the Port that wants the MAC; undefined if it does not exist yet, so that every other Port counts as older
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
