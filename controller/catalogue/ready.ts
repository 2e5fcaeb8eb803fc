/** The kinds that are only looked up (Flavor, Image, KeyPair, Network, HostAggregate): whether each is fit for use, and its few figures. */
import { type NewCondition, type OwnedObjects, type Reason, type StatusOf, stamp } from '../../crds/index.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import { applyStatus } from '../apply-status.ts'

/** What is wrong with it, or only to be known; nothing: it is Ready. */
export interface Problem {
  reason: Reason
  message: string
  isHarmless?: boolean
}

type CatalogueKind = 'Flavor' | 'Image' | 'KeyPair' | 'Network' | 'HostAggregate'

/** Writes the Ready condition and `more` if they say anything new. */
export async function sayReady<K extends CatalogueKind>(
  kind: K,
  api: Resource<OwnedObjects[K]>,
  seen: OwnedObjects[K],
  problem: Problem | undefined,
  more: Omit<StatusOf<'catalogue', K>, 'conditions' | 'observedGeneration'>,
  now: string,
): Promise<Outcome> {
  const { generation = 0 } = seen.metadata
  const { reason, message, isHarmless } = problem ?? { reason: 'Valid', message: 'it can be used', isHarmless: true }
  const set: NewCondition[] = [
    { type: 'Ready', status: isHarmless ? 'True' : 'False', reason, message, observedGeneration: generation },
  ]
  const conditions = stamp(set, seen.status?.conditions, now)
  const status = { ...more, observedGeneration: generation, conditions } as unknown as StatusOf<'catalogue', K>
  await applyStatus(api, { kind, owner: 'catalogue', seen, status })
  return done
}
