/** A Network: whether it can be used. It stays until its last Port has gone. */
import type { Network, Port } from '../../crds/index.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { type Problem, sayReady } from '../catalogue/ready.ts'
import { hold, holds, IN_USE, release } from '../finalizer.ts'
import { networksOnBridgeOf, portsByNetwork } from '../indexes.ts'
import type { Stores } from '../stores.ts'
import { findNetworkProblems } from './network-problems.ts'
import { isAllocated, isInNetworkNamespace, networkOf } from './references.ts'

type NetworkStores = Pick<Stores, 'networks' | 'ports'>

export interface NetworkDeps {
  stores: NetworkStores
  now(): string
}

export async function reconcileNetwork(key: string, { stores, now }: NetworkDeps): Promise<Outcome> {
  const network = stores.networks.cache.get(key)
  if (!network) return done
  const { api } = stores.networks
  if (network.metadata.deletionTimestamp) return leaveNetwork(network, stores, now())
  if (!holds(network.metadata, IN_USE)) {
    await hold(api, network.metadata, IN_USE)
    return wait('its finalizer')
  }
  const problems = findNetworkProblems(network, networksOnBridgeOf(network, stores))
  const problem: Problem | undefined = problems[0] && {
    reason: problems[0].reason,
    message: problems.map(({ message }) => message).join('; '),
  }
  return sayReady('Network', api, network, problem, {}, now())
}

/** Deleted: as Neutron, not under its ports. Here it waits for them; they bring it back when they go. */
async function leaveNetwork(network: Network, stores: NetworkStores, now: string): Promise<Outcome> {
  const { api } = stores.networks
  if (!holds(network.metadata, IN_USE)) return done
  const [first, ...more] = await portsOn(network, stores)
  if (first === undefined) {
    await release(api, network.metadata, IN_USE)
    return done
  }
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  const message = `it goes with its last port; there is still Port ${keyOf(first.metadata)}${others}`
  await sayReady('Network', api, network, { reason: 'NetworkInUse', message }, {}, now)
  return wait('its ports')
}

/** What the cache does not have is asked of the API server: a port may just have been made. */
async function portsOn({ metadata }: Network, { ports }: Pick<Stores, 'ports'>): Promise<readonly Port[]> {
  const key = keyOf(metadata)
  const known = ports.cache.byIndex(portsByNetwork, key).filter(isOn)
  if (known.length > 0) return known
  const { items } = await ports.api.list({ fieldSelector: `spec.network.name=${metadata.name}` })
  return items.filter((port) => networkOf(port) === key && isOn(port))
}

/** A port of another namespace that was given nothing keeps no network: anyone could make one. */
const isOn = (port: Port): boolean => isInNetworkNamespace(port) || isAllocated(port)
