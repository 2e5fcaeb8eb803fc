import { chooseCpuTopology, type HostAggregate, Refused } from '../../crds/index.ts'
import { fingerprintOf } from '../../crds/keypair-fingerprint.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import { unmetRequirementsOfFlavor, unmetRequirementsOfImage } from '../scheduler/unmet-requirements.ts'
import type { Stores } from '../stores.ts'
import { ineffectiveExtraSpecs } from './extra-specs.ts'
import { findIneffectiveProperties } from './image-properties.ts'
import { type ReadyNote, reportReady } from './ready.ts'
import { usabilityNote } from './usability.ts'

type Reconcile<K extends keyof Stores> = (
  key: string,
  deps: { stores: Pick<Stores, K>; now(): string },
) => Promise<Outcome>

export const reconcileFlavor: Reconcile<'flavors'> = async (key, { stores, now }) => {
  const flavor = stores.flavors.cache.get(key)
  if (!flavor) return done
  const { problem } = chooseCpuTopology({ flavor: flavor.spec })
  if (problem !== undefined) {
    const note: ReadyNote = { reason: 'InvalidCpuTopology', message: problem }
    return reportReady('Flavor', stores.flavors.api, flavor, note, {}, now())
  }
  const ineffective = ineffectiveExtraSpecs(flavor.spec.extraSpecs)
  const note = usabilityNote({ unmet: unmetRequirementsOfFlavor(flavor.spec), ineffective })
  return reportReady('Flavor', stores.flavors.api, flavor, note, {}, now())
}

export const reconcileImage: Reconcile<'images'> = async (key, { stores, now }) => {
  const image = stores.images.cache.get(key)
  if (!image) return done
  const findings = findIneffectiveProperties(image.spec.properties)
  const note = usabilityNote({ unmet: unmetRequirementsOfImage(image.spec), ...findings })
  return reportReady('Image', stores.images.api, image, note, {}, now())
}

export const reconcileKeyPair: Reconcile<'keyPairs'> = async (key, { stores, now }) => {
  const pair = stores.keyPairs.cache.get(key)
  if (!pair) return done
  try {
    return await reportReady(
      'KeyPair',
      stores.keyPairs.api,
      pair,
      undefined,
      { fingerprint: fingerprintOf(pair.spec) },
      now(),
    )
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return reportReady('KeyPair', stores.keyPairs.api, pair, { reason: error.code, message: error.message }, {}, now())
  }
}

export const reconcileAggregate: Reconcile<'aggregates' | 'hypervisors'> = async (key, { stores, now }) => {
  const aggregate = stores.aggregates.cache.get(key)
  if (!aggregate) return done
  const { hosts } = aggregate.spec
  const problem = findMissingHosts(hosts, stores) ?? findOtherZone(aggregate, stores.aggregates.cache.values())
  return reportReady('HostAggregate', stores.aggregates.api, aggregate, problem, { hosts: hosts.length }, now())
}

function findMissingHosts(
  hosts: readonly string[],
  { hypervisors }: Pick<Stores, 'hypervisors'>,
): ReadyNote | undefined {
  const missing = hosts.filter((name) => !hypervisors.cache.has(name))
  if (missing.length === 0) return undefined
  const message = `there is no Hypervisor ${missing.slice(0, 10).join(', ')}`
  return { reason: 'HostNotFound', message, isWaiting: true }
}

/** A host is in the zone of the first aggregate, by name, that contains the host and sets a zone. */
function findOtherZone({ metadata, spec }: HostAggregate, all: Iterable<HostAggregate>): ReadyNote | undefined {
  if (spec.availabilityZone === undefined) return undefined
  for (const other of all) {
    const { availabilityZone: zone, hosts } = other.spec
    if (zone === undefined || zone === spec.availabilityZone || other.metadata.name >= metadata.name) continue
    const shared = spec.hosts.find((host) => hosts.includes(host))
    if (shared === undefined) continue
    const message = `Hypervisor ${shared} is in zone ${zone} by HostAggregate ${other.metadata.name}: a host is in one zone only, take it out of one of them`
    return { reason: 'HostInOtherZone', message }
  }
  return undefined
}
