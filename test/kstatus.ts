// Two programs read the status of any object, even of a kind that they do not know: kstatus (a library in Flux, Argo CD
// and cli-utils), and `kubectl wait --for=condition=…`. This file implements those of their rules that apply to our
// kinds.
import { type Condition, findCondition, type ObjectMeta } from '../crds/index.ts'

/**
 * The status of an object as kstatus computes it. A client goes on waiting while the status is `InProgress`; each other
 * value ends the wait.
 */
type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current'

interface Readable {
  metadata: ObjectMeta
  status?: { observedGeneration?: number; conditions?: Condition[] }
}

/**
 * Applies the rules in the order in which kstatus applies them. If no rule matches an object, the object is Current.
 */
export function kstatusOf({ metadata, status = {} }: Readable): KStatus {
  const statusOf = (type: string): string | undefined => findCondition(status.conditions, type)?.status
  if (metadata.deletionTimestamp !== undefined) return 'Terminating'
  const { observedGeneration = metadata.generation } = status
  if (observedGeneration !== metadata.generation) return 'InProgress'
  if (statusOf('Reconciling') === 'True') return 'InProgress'
  if (statusOf('Stalled') === 'True') return 'Failed'
  return (statusOf('Ready') ?? 'True') === 'True' ? 'Current' : 'InProgress'
}

/**
 * Whether `kubectl wait --for=condition=TYPE` ends with success. A condition counts only if it was written for the
 * newest spec: its observedGeneration must not be lower than metadata.generation. If the condition has no
 * observedGeneration, that of the status is used instead.
 */
export function isWaitOver({ metadata, status = {} }: Readable, type: string): boolean {
  const condition = findCondition(status.conditions, type)
  if (!condition) return false
  const { generation = 0 } = metadata
  const observedGeneration = condition.observedGeneration ?? status.observedGeneration ?? generation
  return observedGeneration >= generation && condition.status === 'True'
}
