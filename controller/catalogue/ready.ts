/** Writes the Ready condition of Flavors, Images, KeyPairs, Networks and HostAggregates. */
import {
  type NewCondition,
  type OwnedObjects,
  type Reason,
  type StatusOf,
  withTransitionTimes,
} from '../../crds/index.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import { applyStatus } from '../apply-status.ts'

/** The reason and message for an object's Ready condition. */
export interface ReadyNote {
  reason: Reason
  message: string
  /** Whether Ready is True despite this note, because the object can still be used. */
  isHarmless?: boolean
}

type CatalogueKind = 'Flavor' | 'Image' | 'KeyPair' | 'Network' | 'HostAggregate'

/**
 * Writes the Ready condition of an object, and the other status fields in `figures`, if they have changed.
 * @param problem undefined if the object has no problem: Ready is then True
 */
export async function reportReady<K extends CatalogueKind>(
  kind: K,
  api: Resource<OwnedObjects[K]>,
  seen: OwnedObjects[K],
  problem: ReadyNote | undefined,
  figures: Omit<StatusOf<'catalogue', K>, 'conditions' | 'observedGeneration'>,
  now: string,
): Promise<Outcome> {
  const { generation = 0 } = seen.metadata
  const { reason, message, isHarmless } = problem ?? { reason: 'Valid', message: 'it can be used', isHarmless: true }
  const set: NewCondition[] = [
    { type: 'Ready', status: isHarmless ? 'True' : 'False', reason, message, observedGeneration: generation },
  ]
  const conditions = withTransitionTimes(set, seen.status?.conditions, now)
  const status = { ...figures, observedGeneration: generation, conditions } as unknown as StatusOf<'catalogue', K>
  await applyStatus(api, { kind, owner: 'catalogue', seen, status })
  return done
}
