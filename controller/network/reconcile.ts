import type { Network, Port } from '../../crds/index.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { type ReadyNote, reportReady } from '../catalogue/ready.ts'
import { addFinalizer, hasFinalizer, IN_USE, removeFinalizer } from '../finalizer.ts'
import { networksOnBridgeOf, portsByNetwork } from '../indexes.ts'
import type { Stores } from '../stores.ts'
import type { Allocations } from './allocations.ts'
import {
  findDhcpProblems,
  findNetworkProblems,
  type NetworkProblem,
  waitingNetworkReasons,
} from './network-problems.ts'
import { isAllocated, isInNetworkNamespace, networkKeyOf } from './references.ts'

type NetworkStores = Pick<Stores, 'networks' | 'ports'>

export interface NetworkDeps {
  stores: NetworkStores
  allocations: Pick<Allocations, 'tableOf'>
  now(): string
}

/**
 * Milliseconds until a Network is checked again if something else has its DHCP address, because no event tells when
 * that address is free.
 */
const RECHECK_MS = 30_000

export async function reconcileNetwork(key: string, { stores, allocations, now }: NetworkDeps): Promise<Outcome> {
  const network = stores.networks.cache.get(key)
  if (!network) return done
  const { api } = stores.networks
  if (network.metadata.deletionTimestamp) return reconcileDelete(network, stores, now())
  if (!hasFinalizer(network.metadata, IN_USE)) {
    await addFinalizer(api, network.metadata, IN_USE)
    return wait('its finalizer')
  }
  const table = allocations.tableOf(key)
  const dhcpProblems = findDhcpProblems(network, (ip) => table.describeUser(ip))
  const problems = [...findNetworkProblems(network, networksOnBridgeOf(network, stores)), ...dhcpProblems]
  const outcome = await reportReady('Network', api, network, noteOf(problems), {}, now())
  return dhcpProblems.length > 0 ? wait('the address of its DHCP server', RECHECK_MS) : outcome
}

const noteOf = (problems: readonly NetworkProblem[]): ReadyNote | undefined =>
  problems[0] && {
    reason: problems[0].reason,
    message: problems.map(({ message }) => message).join('; '),
    isWaiting: problems.every(({ reason }) => waitingNetworkReasons.has(reason)),
  }

/** Waits for the Network's Ports. Neutron instead rejects the deletion of a network with ports. */
async function reconcileDelete(network: Network, stores: NetworkStores, now: string): Promise<Outcome> {
  const { api } = stores.networks
  if (!hasFinalizer(network.metadata, IN_USE)) return done
  const [first, ...more] = await listPortsOn(network, stores)
  if (first === undefined) {
    await removeFinalizer(api, network.metadata, IN_USE)
    return done
  }
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  const message = `the network is deleted with its last port; there is still Port ${keyOf(first.metadata)}${others}`
  await reportReady('Network', api, network, { reason: 'NetworkInUse', message, isWaiting: true }, {}, now)
  return wait('its ports')
}

/**
 * If the cache shows no Port that keeps the deleted Network, asks the API server, because a Port may have just been
 * created.
 */
async function listPortsOn({ metadata }: Network, { ports }: Pick<Stores, 'ports'>): Promise<readonly Port[]> {
  const key = keyOf(metadata)
  const known = ports.cache.byIndex(portsByNetwork, key).filter(blocksNetworkRemoval)
  if (known.length > 0) return known
  const { items } = await ports.api.list({ fieldSelector: `spec.network.name=${metadata.name}` })
  return items.filter((port) => networkKeyOf(port) === key && blocksNetworkRemoval(port))
}

/**
 * A Port in another namespace than the Network's counts only once addresses are allocated to it. Otherwise any user
 * could block the deletion of the Network.
 */
const blocksNetworkRemoval = (port: Port): boolean => isInNetworkNamespace(port) || isAllocated(port)
