/** One function for each of the kinds that are only looked up: key → its status. */
import { type HostAggregate, type Network, type Port, Refused } from '../../crds/index.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { hold, holds, IN_USE, release } from '../finalizer.ts'
import { fingerprint } from '../keypair-fingerprint.ts'
import { isAtHome, isGiven, networkOf } from '../network/holders.ts'
import { networkProblems } from '../network/subnet-overlap.ts'
import { BY_NETWORK, onBridgeOf, type World } from '../world.ts'
import { withoutEffect } from './extra-specs.ts'
import { type Problem, sayReady } from './ready.ts'

export interface CatalogueDeps {
  world: World
  now(): string
}

type Reconcile = (key: string, deps: CatalogueDeps) => Promise<Outcome>

export const reconcileFlavor: Reconcile = async (key, { world, now }) => {
  const flavor = world.flavors.all.get(key)
  if (!flavor) return done
  const ignored = withoutEffect(flavor.spec.extraSpecs)
  const message = `it can be used; without effect here: ${ignored.join(', ')}`
  const note: Problem | undefined = ignored.length > 0 ? { reason: 'Valid', message, isHarmless: true } : undefined
  return sayReady(world.flavors.api, flavor, note, {}, now())
}

export const reconcileImage: Reconcile = async (key, { world, now }) => {
  const image = world.images.all.get(key)
  return image ? sayReady(world.images.api, image, undefined, {}, now()) : done
}

export const reconcileKeyPair: Reconcile = async (key, { world, now }) => {
  const pair = world.keyPairs.all.get(key)
  if (!pair) return done
  try {
    return await sayReady(world.keyPairs.api, pair, undefined, { fingerprint: fingerprint(pair.spec) }, now())
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return sayReady(world.keyPairs.api, pair, { reason: error.code, message: error.message }, {}, now())
  }
}

export const reconcileNetwork: Reconcile = async (key, { world, now }) => {
  const network = world.networks.all.get(key)
  if (!network) return done
  const { api } = world.networks
  if (network.metadata.deletionTimestamp) return leaveNetwork(network, world, now())
  if (!holds(network.metadata, IN_USE)) {
    await hold(api, network.metadata, IN_USE)
    return wait('its finalizer')
  }
  const problems = networkProblems(network, onBridgeOf(network, world))
  const problem: Problem | undefined = problems[0] && {
    reason: problems[0].reason,
    message: problems.map(({ message }) => message).join('; '),
  }
  return sayReady(api, network, problem, {}, now())
}

/** Deleted: as Neutron, not under its ports. Here it waits for them; they bring it back when they go. */
async function leaveNetwork(network: Network, world: World, now: string): Promise<Outcome> {
  const { api } = world.networks
  if (!holds(network.metadata, IN_USE)) return done
  const [first, ...more] = await portsOn(network, world)
  if (first === undefined) {
    await release(api, network.metadata, IN_USE)
    return done
  }
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  const message = `it goes with its last port; there is still Port ${keyOf(first.metadata)}${others}`
  await sayReady(api, network, { reason: 'NetworkInUse', message }, {}, now)
  return wait('its ports')
}

/** What the cache does not have is asked of the API server: a port may just have been made. */
async function portsOn({ metadata }: Network, { ports }: World): Promise<readonly Port[]> {
  const key = keyOf(metadata)
  const known = ports.all.byIndex(BY_NETWORK, key).filter(isOn)
  if (known.length > 0) return known
  const { items } = await ports.api.list({ fieldSelector: `spec.network.name=${metadata.name}` })
  return items.filter((port) => networkOf(port) === key && isOn(port))
}

/** A port of another namespace that was given nothing keeps no network: anyone could make one. */
const isOn = (port: Port): boolean => isAtHome(port) || isGiven(port)

export const reconcileAggregate: Reconcile = async (key, { world, now }) => {
  const aggregate = world.aggregates.all.get(key)
  if (!aggregate) return done
  const { hosts } = aggregate.spec
  const problem = missingHosts(hosts, world) ?? otherZone(aggregate, world.aggregates.all.values())
  return sayReady(world.aggregates.api, aggregate, problem, { hosts: hosts.length }, now())
}

function missingHosts(hosts: readonly string[], { hypervisors }: World): Problem | undefined {
  const missing = hosts.filter((name) => !hypervisors.all.has(name))
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
