/** Who holds an address: the claims of Ports, and which of several wins. */
import type { Port, Server } from '../../crds/index.ts'
import { formatIP, type IP, parseIP } from './ip.ts'
import { portName } from './port-name.ts'

/** A Port as far as its claims go. */
export interface Holder {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly created: string
  readonly addresses: readonly IP[]
  readonly mac: string | undefined
  /** The network, as namespace/name. */
  readonly network: string
  /** Made for a server: its name is its claim. Users may name theirs as they like. */
  readonly isMade: boolean
}

/** The network that a port is on, as namespace/name; without a namespace it is the port's own. */
export function networkOf({ metadata, spec }: Port): string {
  return `${spec.network.namespace ?? metadata.namespace ?? ''}/${spec.network.name}`
}

/** Is it in its network's namespace? Another may name any network, also one that is not shared: what it asks for holds nothing. */
export const isAtHome = (port: Port): boolean => networkOf(port).startsWith(`${port.metadata.namespace}/`)

/** Was it given a MAC, and its addresses? What the controller says, and nobody else can. */
export const isGiven = ({ status }: Port): boolean => status?.macAddress !== undefined

/** The claims of a port: what it was given, else what it asks for. What is no address claims nothing. */
export function holderOf(port: Port): Holder {
  const { metadata, spec, status } = port
  const asked: Partial<typeof spec> = isAtHome(port) ? spec : {}
  const addresses = (status?.fixedIPs ?? asked.fixedIPs ?? []).flatMap((text) => parseIP(text) ?? [])
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    created: metadata.creationTimestamp ?? '',
    addresses,
    mac: status?.macAddress ?? asked.macAddress,
    network: networkOf(port),
    isMade: spec.server !== undefined,
  }
}

/** What a server's guest has of a network since it was placed. */
interface Lodging {
  /** As namespace/name. */
  network: string
  addresses: IP[]
  mac: string
}

/** Of a server that is placed: its interfaces. */
export function lodgingsOf(server: Server | undefined): Lodging[] {
  return (server?.status?.instance?.interfaces ?? []).map(({ network, networkNamespace, fixedIPs, macAddress }) => ({
    network: `${networkNamespace}/${network}`,
    addresses: fixedIPs.flatMap(({ address }) => parseIP(address) ?? []),
    mac: macAddress,
  }))
}

/** Whether the port's name is the claim of this address. */
function named(holder: Holder, address: IP): boolean {
  const [namespace = '', name = ''] = holder.network.split('/')
  return (
    holder.isMade &&
    holder.name === portName({ network: { namespace, name }, namespace: holder.namespace, of: address })
  )
}

/**
 * The one of several holders that has the address: one whose name is its claim, else the oldest, else the least uid. Every
 * controller that sees the same ports comes to the same.
 */
export function winner(holders: readonly Holder[], address: IP): Holder | undefined {
  return holders.reduce<Holder | undefined>(
    (best, next) => (best === undefined || precedes(next, best, address) ? next : best),
    undefined,
  )
}

function precedes(a: Holder, b: Holder, address: IP): boolean {
  const [x, y] = [named(a, address), named(b, address)]
  if (x !== y) return x
  const [ta, tb] = [Date.parse(a.created), Date.parse(b.created)]
  if (ta !== tb) return ta < tb || Number.isNaN(tb)
  return a.uid < b.uid
}

/** For messages: which port holds which address. */
export function holds({ namespace, name }: Holder, address: IP): string {
  return `${formatIP(address)} is held by Port ${namespace}/${name}`
}

/** Another port of the network that has the MAC, or asked for it first. */
export function macHolder(mac: string, ports: readonly Port[], self?: Port): Port | undefined {
  const age = ({ metadata }: Port): string => `${metadata.creationTimestamp ?? ''} ${metadata.uid}`
  return ports.find((port) => {
    if (port.metadata.uid === self?.metadata.uid) return false
    if (port.status?.macAddress !== undefined) return port.status.macAddress === mac
    if (!isAtHome(port) && (self === undefined || isAtHome(self))) return false
    return port.spec.macAddress === mac && (self === undefined || age(port) < age(self))
  })
}
