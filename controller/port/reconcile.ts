import {
  type Network,
  type NewCondition,
  type Port,
  type Reason,
  Refused,
  type Server,
  type Transient,
  withTransitionTimes,
} from '../../crds/index.ts'
import type { Clock } from '../../kube/clock.ts'
import { done, failed, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { applyStatus } from '../apply-status.ts'
import { addFinalizer, hasFinalizer, IN_USE, removeFinalizer } from '../finalizer.ts'
import { networksOnBridgeOf, portsByNetwork, serversByPort } from '../indexes.ts'
import type { Allocations } from '../network/allocations.ts'
import { parseIP } from '../network/ip.ts'
import { generateMac } from '../network/mac.ts'
import { findPortWithMac, isInNetworkNamespace, networkKeyOf } from '../network/references.ts'
import { rejectUnusableNetwork, validateSharedNetworkRequest } from '../server/resolve.ts'
import { shouldReportInStatus } from '../should-report.ts'
import type { Stores } from '../stores.ts'

type PortStores = Pick<Stores, 'ports' | 'networks' | 'servers'>

export interface PortDeps {
  stores: PortStores
  allocations: Allocations
  clock: Clock
}

const RESERVATION_MS = 60_000
/**
 * Codes for an address or MAC that another Port has. The deletion of that Port causes no event for the rejected Port,
 * which is therefore checked again after RECHECK_MS.
 */
const inUseReasons = new Set(['AddressInUse', 'MACInUse'])
const RECHECK_MS = 30_000
/** These problems end without a change of the Port, when another object is created or deleted. */
const waitingReasons: ReadonlySet<Reason> = new Set(['NetworkNotFound', 'SubnetsOverlap', 'AddressInUse', 'MACInUse'])

/** @param attempt the number of this attempt since the last success, from 1 */
export async function reconcilePort(key: string, deps: PortDeps, attempt = 1): Promise<Outcome> {
  const { stores } = deps
  const port = stores.ports.cache.get(key)
  // The controller created a Port with spec.server together with its addresses, so nothing is left to do.
  if (!port || port.spec.server !== undefined) return done
  if (port.metadata.deletionTimestamp) return reconcileDelete(port, deps)
  const isUsed = consumerOf(port, stores).server !== undefined
  if (isUsed !== hasFinalizer(port.metadata, IN_USE)) {
    await (isUsed ? addFinalizer : removeFinalizer)(stores.ports.api, port.metadata, IN_USE)
    return wait('its finalizer')
  }
  try {
    const allocation = ensureAllocated(port, deps)
    await applyPortStatus(
      port,
      { ...allocation, ...consumerOf(port, stores) },
      { reason: 'Allocated', message: 'addresses allocated' },
      deps,
    )
    return done
  } catch (error) {
    if (shouldReportInStatus(error, attempt)) await applyPortStatus(port, {}, problemOf(error), deps)
    if (!(error instanceof Refused)) throw error
    if (inUseReasons.has(error.code)) return wait(error.code, RECHECK_MS)
    return failed(error.code, error.message)
  }
}

/**
 * The Port is stalled only if the problem does not end by itself. A Transient error, or a reason in `waitingReasons`,
 * ends by itself.
 */
const problemOf = (error: Refused | Transient): ReadyReason => ({
  reason: error.code,
  message: error.message,
  isProblem: true,
  isStalled: error instanceof Refused && !waitingReasons.has(error.code),
})

/** While a server uses a deleted Port, the finalizer keeps the Port, so the server keeps its addresses. */
async function reconcileDelete(port: Port, { stores, clock }: PortDeps): Promise<Outcome> {
  if (!hasFinalizer(port.metadata, IN_USE)) return done
  const { server } = consumerOf(port, stores)
  if (server === undefined) {
    await removeFinalizer(stores.ports.api, port.metadata, IN_USE)
    return done
  }
  const message = `Server ${server} uses the port; the port is deleted when that server is`
  await applyPortStatus(port, { server }, { reason: 'PortInUse', message, isProblem: true }, { stores, clock })
  return wait('the end of its server')
}

type Allocation = Pick<NonNullable<Port['status']>, 'macAddress' | 'fixedIPs'>

/**
 * The addresses and MAC that the Port has, or gets now.
 * @throws Refused error AddressInUse if another Port owns one of the addresses, and this Port cannot be given a
 * different address
 */
function ensureAllocated(port: Port, deps: PortDeps): Allocation {
  const { macAddress, fixedIPs } = port.status ?? {}
  const conflict = deps.allocations.tableOf(networkKeyOf(port)).conflictingOwner(port)
  // The Port can be given a different address if no server uses it and its spec does not ask for particular addresses.
  const isMovable = port.spec.fixedIPs === undefined && consumerOf(port, deps.stores).server === undefined
  if (conflict && !isMovable) {
    const owner = `${conflict.owner.namespace}/${conflict.owner.name}`
    throw new Refused(
      'AddressInUse',
      `${conflict.address} is allocated to Port ${owner}: delete this port, or that one`,
    )
  }
  if (!conflict && macAddress !== undefined && fixedIPs !== undefined) return { macAddress, fixedIPs }
  return allocateAddresses(port, getUsableNetwork(port, deps), deps)
}

/** @throws Refused error (retried when the Network changes) if the Port's Network is missing or must not be used */
function getUsableNetwork(port: Port, { stores, allocations }: PortDeps): Network {
  const network = stores.networks.cache.get(networkKeyOf(port))
  if (!network)
    throw new Refused('NetworkNotFound', `Network ${networkKeyOf(port)} does not exist; the port waits for it`)
  rejectUnusableNetwork(port.metadata.namespace, network, {
    networksOnBridgeOf: (other) => networksOnBridgeOf(other, stores),
    describeAddressUser: ({ metadata }, ip) => allocations.tableOf(keyOf(metadata)).describeUser(ip),
  })
  if (!isInNetworkNamespace(port)) validateSharedNetworkRequest(network, port.spec)
  return network
}

function allocateAddresses(port: Port, network: Network, { stores, allocations, clock }: PortDeps): Allocation {
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
  const addressOrSeed = (addresses[0] === undefined ? undefined : parseIP(addresses[0])) ?? uid
  const mac = spec.macAddress ?? generateMac(network.metadata.uid ?? '', addressOrSeed, (m) => table.isMacUsed(m))
  if (mac === undefined) throw new Refused('NoFreeMAC', `Network ${key} has no free MAC address`)
  return { macAddress: mac, fixedIPs: addresses }
}

/** The placed server that uses the Port, or the oldest if there are several; an empty object if there is none. */
function consumerOf(port: Port, stores: PortStores): { server?: string } {
  const consumers = stores.servers.cache
    .byIndex(serversByPort, keyOf(port.metadata))
    .filter(({ status }) => status?.host !== undefined)
  const createdAt = ({ metadata }: Server): string => metadata.creationTimestamp ?? ''
  const [first, ...others] = consumers
  if (first === undefined) return {}
  const oldest = others.reduce((found, next) => (createdAt(next) < createdAt(found) ? next : found), first)
  return { server: oldest.metadata.name }
}

interface ReadyReason {
  reason: Reason
  message: string
  isProblem?: boolean
  isStalled?: boolean
}

async function applyPortStatus(
  port: Port,
  changes: object,
  { reason, message, isProblem = false, isStalled = false }: ReadyReason,
  { stores, clock }: Pick<PortDeps, 'stores' | 'clock'>,
): Promise<void> {
  const set: NewCondition[] = [{ type: 'Ready', status: isProblem ? 'False' : 'True', reason, message }]
  if (isStalled) set.push({ type: 'Stalled', status: 'True', reason, message })
  const { macAddress, fixedIPs, server } = port.status ?? {}
  const kept = isProblem
    ? Object.fromEntries(Object.entries({ macAddress, fixedIPs, server }).filter(([, v]) => v !== undefined))
    : {}
  const conditions = withTransitionTimes(set, port.status?.conditions, clock.wall().toISOString())
  const status = { ...kept, ...changes, conditions }
  // applyStatus writes nothing if the Port has changed since it was read (`seen`), because another controller may have
  // allocated other addresses to it.
  await applyStatus(stores.ports.api, { kind: 'Port', owner: 'addressing', seen: port, status })
}
