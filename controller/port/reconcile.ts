/** A Port that a user made: its addresses and MAC are given once and kept; its status says which server uses it. */
import {
  type Network,
  type NewCondition,
  type Port,
  type Reason,
  Refused,
  type Server,
  stamp,
} from '../../crds/index.ts'
import type { Clock } from '../../kube/clock.ts'
import { done, failed, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { applyStatus } from '../apply-status.ts'
import { hold, holds, IN_USE, release } from '../finalizer.ts'
import { networksOnBridgeOf, portsByNetwork, serversByPort } from '../indexes.ts'
import { lasts } from '../lasts.ts'
import type { Allocations } from '../network/allocations.ts'
import { parseIP } from '../network/ip.ts'
import { generateMac } from '../network/mac.ts'
import { findPortWithMac, isInNetworkNamespace, networkOf } from '../network/references.ts'
import { rejectUnusableNetwork, validateSharedNetworkRequest } from '../server/resolve.ts'
import type { Stores } from '../stores.ts'

type PortStores = Pick<Stores, 'ports' | 'networks' | 'servers'>

export interface PortDeps {
  stores: PortStores
  allocations: Allocations
  clock: Clock
}

const RESERVATION_MS = 60_000
const inUse = new Set(['AddressInUse', 'MACInUse'])
const AGAIN_MS = 30_000

/** @param attempt which one in a row */
export async function reconcilePort(key: string, deps: PortDeps, attempt = 1): Promise<Outcome> {
  const { stores } = deps
  const port = stores.ports.cache.get(key)
  // Ports made for a server were made whole.
  if (!port || port.spec.server !== undefined) return done
  if (port.metadata.deletionTimestamp) return leave(port, deps)
  const isUsed = used(port, stores).server !== undefined
  if (isUsed !== holds(port.metadata, IN_USE)) {
    await (isUsed ? hold : release)(stores.ports.api, port.metadata, IN_USE)
    return wait('its finalizer')
  }
  try {
    const given = give(port, deps)
    await write(
      port,
      { ...given, ...used(port, stores) },
      { reason: 'Allocated', message: 'it has its addresses' },
      deps,
    )
    return done
  } catch (error) {
    if (lasts(error, attempt)) await write(port, {}, { reason: error.code, message: error.message, bad: true }, deps)
    if (!(error instanceof Refused)) throw error
    // Who holds what it asks for may go without a word to it.
    if (inUse.has(error.code)) return wait(error.code, AGAIN_MS)
    return failed(error.code, error.message)
  }
}

/** Deleted: it stays until no server uses it, for its addresses are the server's. */
async function leave(port: Port, { stores, clock }: PortDeps): Promise<Outcome> {
  if (!holds(port.metadata, IN_USE)) return done
  const { server } = used(port, stores)
  if (server === undefined) {
    await release(stores.ports.api, port.metadata, IN_USE)
    return done
  }
  const message = `Server ${server} uses it: it is deleted when that is`
  await write(port, { server }, { reason: 'PortInUse', message, bad: true }, { stores, clock })
  return wait('the end of its server')
}

type Given = Pick<NonNullable<Port['status']>, 'macAddress' | 'fixedIPs'>

/** What it has already, or what is given now. */
function give(port: Port, deps: PortDeps): Given {
  const { macAddress, fixedIPs } = port.status ?? {}
  const lost = deps.allocations.tableOf(networkOf(port)).conflictingOwner(port)
  // One that nobody uses and that asks for none in particular is given another.
  const isFree = port.spec.fixedIPs === undefined && used(port, deps.stores).server === undefined
  if (lost && !isFree) {
    const holder = `${lost.owner.namespace}/${lost.owner.name}`
    throw new Refused('AddressInUse', `${lost.address} is allocated to Port ${holder}: delete this port, or that one`)
  }
  if (!lost && macAddress !== undefined && fixedIPs !== undefined) return { macAddress, fixedIPs }
  return allocate(port, usable(port, deps), deps)
}

/** Its network, if it may be used. */
function usable(port: Port, { stores }: PortDeps): Network {
  const network = stores.networks.cache.get(networkOf(port))
  if (!network) throw new Refused('NetworkNotFound', `Network ${networkOf(port)} does not exist; the port waits for it`)
  rejectUnusableNetwork(port.metadata.namespace, network, { onBridgeOf: (of) => networksOnBridgeOf(of, stores) })
  if (!isInNetworkNamespace(port)) validateSharedNetworkRequest(network, port.spec)
  return network
}

/** Exactly the addresses that it asks for, or else one of each subnet. */
function allocate(port: Port, network: Network, { stores, allocations, clock }: PortDeps): Given {
  const { spec, metadata } = port
  const { uid = '' } = metadata
  const key = keyOf(network.metadata)
  const other =
    spec.macAddress && findPortWithMac(spec.macAddress, stores.ports.cache.byIndex(portsByNetwork, key), port)
  if (other)
    throw new Refused(
      'MACInUse',
      `${spec.macAddress} is allocated to Port ${keyOf(other.metadata)}: ask for another MAC`,
    )
  const table = allocations.tableOf(key)
  const now = clock.now()
  const until = now + RESERVATION_MS
  const addresses = spec.fixedIPs ? table.reserveExactly(spec.fixedIPs, until, uid) : table.reserve([], now, until, uid)
  const of = (addresses[0] === undefined ? undefined : parseIP(addresses[0])) ?? uid
  const mac = spec.macAddress ?? generateMac(network.metadata.uid ?? '', of, (m) => table.isMacUsed(m))
  if (mac === undefined) throw new Refused('NoFreeMAC', `Network ${key} has no free MAC address`)
  return { macAddress: mac, fixedIPs: addresses }
}

/** The placed server that names it; of several the oldest. */
function used(port: Port, stores: PortStores): { server?: string } {
  const users = stores.servers.cache
    .byIndex(serversByPort, keyOf(port.metadata))
    .filter(({ status }) => status?.host !== undefined)
  const age = ({ metadata }: Server): string => metadata.creationTimestamp ?? ''
  const [one, ...others] = users
  if (one === undefined) return {}
  const oldest = others.reduce((found, user) => (age(user) < age(found) ? user : found), one)
  return { server: oldest.metadata.name }
}

interface Why {
  reason: Reason
  message: string
  bad?: boolean
}

async function write(
  port: Port,
  more: object,
  { reason, message, bad = false }: Why,
  { stores, clock }: Pick<PortDeps, 'stores' | 'clock'>,
): Promise<void> {
  const set: NewCondition[] = [{ type: 'Ready', status: bad ? 'False' : 'True', reason, message }]
  const { macAddress, fixedIPs, server } = port.status ?? {}
  const kept = bad
    ? Object.fromEntries(Object.entries({ macAddress, fixedIPs, server }).filter(([, v]) => v !== undefined))
    : {}
  const conditions = stamp(set, port.status?.conditions, clock.wall().toISOString())
  const status = { ...kept, ...more, conditions }
  // Onto what was read: another controller may have given it other addresses.
  await applyStatus(stores.ports.api, { kind: 'Port', owner: 'addressing', seen: port, status })
}
