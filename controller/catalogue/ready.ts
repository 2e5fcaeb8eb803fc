/** The kinds that are only looked up (Flavor, Image, KeyPair, Network, HostAggregate): whether each is fit for use, and its few figures. */
import { type Condition, type NewCondition, type ObjectMeta, type Reason, stamp } from '../../crds/index.ts'
import { applyIfChanged } from '../../kube/apply.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import { MANAGER } from '../server/manager.ts'

/** What is wrong with it, or only to be known; nothing: it is Ready. */
export interface Problem {
  reason: Reason
  message: string
  isHarmless?: boolean
}

interface Simple {
  metadata: ObjectMeta
  status?: { conditions?: Condition[] }
}

/** Writes the Ready condition and `more` if they say anything new. */
export async function sayReady<T extends Simple>(
  api: Resource<T>,
  object: T,
  problem: Problem | undefined,
  more: object,
  now: string,
): Promise<Outcome> {
  const { name, namespace, generation = 0 } = object.metadata
  const { reason, message, isHarmless } = problem ?? { reason: 'Valid', message: 'it can be used', isHarmless: true }
  const set: NewCondition[] = [
    { type: 'Ready', status: isHarmless ? 'True' : 'False', reason, message, observedGeneration: generation },
  ]
  const conditions = stamp(set, object.status?.conditions, now)
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) }
  const wanted = { metadata, status: { ...more, observedGeneration: generation, conditions } }
  await applyIfChanged(api, wanted as never, { seen: object, fieldManager: MANAGER, subresource: 'status' })
  return done
}
