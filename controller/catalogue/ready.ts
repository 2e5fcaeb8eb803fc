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

export interface ReadyNote {
  reason: Reason
  message: string
  /** true: Ready is True despite this note, because the object can still be used. */
  isHarmless?: boolean
  /** true: the creation or deletion of another object can end the problem, so the object is not reported as Stalled. */
  isWaiting?: boolean
}

type CatalogueKind = 'Flavor' | 'Image' | 'KeyPair' | 'Network' | 'HostAggregate'

/**
 * Writes the conditions of an object, and the other status fields in `figures`, if they have changed.
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
  const note: ReadyNote = problem ?? { reason: 'Valid', message: 'it can be used', isHarmless: true }
  const { reason, message, isHarmless, isWaiting } = note
  const why = { reason, message, observedGeneration: generation }
  const set: NewCondition[] = [{ type: 'Ready', status: isHarmless ? 'True' : 'False', ...why }]
  if (!isHarmless && !isWaiting) set.push({ type: 'Stalled', status: 'True', ...why })
  const conditions = withTransitionTimes(set, seen.status?.conditions, now)
  const status = { ...figures, observedGeneration: generation, conditions } as unknown as StatusOf<'catalogue', K>
  await applyStatus(api, { kind, owner: 'catalogue', seen, status })
  return done
}
