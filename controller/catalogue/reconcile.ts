/** One function for each of the kinds that are only looked up: key → its status. */
import { Refused } from '../../crds/index.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import { fingerprint } from '../keypair-fingerprint.ts'
import { bridgeProblems, subnetProblems } from '../network/subnet-overlap.ts'
import type { World } from '../world.ts'
import { type Problem, sayReady } from './ready.ts'

export interface CatalogueDeps {
  world: World
  now(): string
}

type Reconcile = (key: string, deps: CatalogueDeps) => Promise<Outcome>

export const reconcileFlavor: Reconcile = async (key, { world, now }) => {
  const flavor = world.flavors.all.get(key)
  return flavor ? sayReady(world.flavors.api, flavor, undefined, {}, now()) : done
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
  const problems = [...subnetProblems(network), ...bridgeProblems(network, world.networks.all.values())]
  const problem: Problem | undefined = problems[0] && {
    reason: problems[0].reason,
    message: problems.map(({ message }) => message).join('; '),
  }
  return sayReady(world.networks.api, network, problem, {}, now())
}

export const reconcileAggregate: Reconcile = async (key, { world, now }) => {
  const aggregate = world.aggregates.all.get(key)
  if (!aggregate) return done
  const { hosts } = aggregate.spec
  const missing = hosts.filter((name) => !world.hypervisors.all.has(name))
  const problem =
    missing.length > 0
      ? { reason: 'HostNotFound', message: `there is no Hypervisor ${missing.slice(0, 10).join(', ')}` }
      : undefined
  return sayReady(world.aggregates.api, aggregate, problem, { hosts: hosts.length }, now())
}
