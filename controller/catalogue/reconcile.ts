/** One function for each of the kinds that are only looked up: key → its status. */
import { type HostAggregate, type Network, type Port, Refused } from '../../crds/index.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { hold, holds, IN_USE, release } from '../finalizer.ts'
import { fingerprintOf } from '../keypair-fingerprint.ts'
import { findNetworkProblems } from '../network/network-problems.ts'
import { isAllocated, isInNetworkNamespace, networkOf } from '../network/references.ts'
import { BY_NETWORK, onBridgeOf, type Stores } from '../stores.ts'
import { ineffectiveExtraSpecs } from './extra-specs.ts'
import { type Problem, sayReady } from './ready.ts'

export interface CatalogueDeps {
  stores: Stores
  now(): string
}

type Reconcile = (key: string, deps: CatalogueDeps) => Promise<Outcome>

export const reconcileFlavor: Reconcile = async (key, { stores, now }) => {
  const flavor = stores.flavors.cache.get(key)
  if (!flavor) return done
  const ignored = ineffectiveExtraSpecs(flavor.spec.extraSpecs)
  const message = `it can be used; without effect here: ${ignored.join(', ')}`
  const note: Problem | undefined = ignored.length > 0 ? { reason: 'Valid', message, isHarmless: true } : undefined
  return sayReady('Flavor', stores.flavors.api, flavor, note, {}, now())
}

export const reconcileImage: Reconcile = async (key, { stores, now }) => {
  const image = stores.images.cache.get(key)
  return image ? sayReady('Image', stores.images.api, image, undefined, {}, now()) : done
}

export const reconcileKeyPair: Reconcile = async (key, { stores, now }) => {
  const pair = stores.keyPairs.cache.get(key)
  if (!pair) return done
  try {
    return await sayReady(
      'KeyPair',
      stores.keyPairs.api,
      pair,
      undefined,
      { fingerprint: fingerprintOf(pair.spec) },
      now(),
    )
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return sayReady('KeyPair', stores.keyPairs.api, pair, { reason: error.code, message: error.message }, {}, now())
  }
}

export const reconcileNetwork: Reconcile = async (key, { stores, now }) => {
  const network = stores.networks.cache.get(key)
  if (!network) return done
  const { api } = stores.networks
  if (network.metadata.deletionTimestamp) return leaveNetwork(network, stores, now())
  if (!holds(network.metadata, IN_USE)) {
    await hold(api, network.metadata, IN_USE)
    return wait('its finalizer')
  }
  const problems = findNetworkProblems(network, onBridgeOf(network, stores))
  const problem: Problem | undefined = problems[0] && {
    reason: problems[0].reason,
    message: problems.map(({ message }) => message).join('; '),
  }
  return sayReady('Network', api, network, problem, {}, now())
}

/** Deleted: as Neutron, not under its ports. Here it waits for them; they bring it back when they go. */
async function leaveNetwork(network: Network, stores: Stores, now: string): Promise<Outcome> {
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
async function portsOn({ metadata }: Network, { ports }: Stores): Promise<readonly Port[]> {
  const key = keyOf(metadata)
  const known = ports.cache.byIndex(BY_NETWORK, key).filter(isOn)
  if (known.length > 0) return known
  const { items } = await ports.api.list({ fieldSelector: `spec.network.name=${metadata.name}` })
  return items.filter((port) => networkOf(port) === key && isOn(port))
}

/** A port of another namespace that was given nothing keeps no network: anyone could make one. */
const isOn = (port: Port): boolean => isInNetworkNamespace(port) || isAllocated(port)

export const reconcileAggregate: Reconcile = async (key, { stores, now }) => {
  const aggregate = stores.aggregates.cache.get(key)
  if (!aggregate) return done
  const { hosts } = aggregate.spec
  const problem = missingHosts(hosts, stores) ?? otherZone(aggregate, stores.aggregates.cache.values())
  return sayReady('HostAggregate', stores.aggregates.api, aggregate, problem, { hosts: hosts.length }, now())
}

function missingHosts(hosts: readonly string[], { hypervisors }: Stores): Problem | undefined {
  const missing = hosts.filter((name) => !hypervisors.cache.has(name))
  if (missing.length === 0) return undefined
  return { reason: 'HostNotFound', message: `there is no Hypervisor ${missing.slice(0, 10).join(', ')}` }
}

/** A host is in the zone of the first aggregate that gives it one, by name: the others are told. */
function otherZone({ metadata, spec }: HostAggregate, all: Iterable<HostAggregate>): Problem | undefined {
  if (spec.availabilityZone === undefined) return undefined
  for (const other of all) {
    const { availabilityZone: zone, hosts } = other.spec
    if (zone === undefined || zone === spec.availabilityZone || other.metadata.name >= metadata.name) continue
    const both = spec.hosts.find((host) => hosts.includes(host))
    if (both === undefined) continue
    const message = `Hypervisor ${both} is in zone ${zone} by HostAggregate ${other.metadata.name}: a host is in one zone only, take it out of one of them`
    return { reason: 'HostInOtherZone', message }
  }
  return undefined
}
