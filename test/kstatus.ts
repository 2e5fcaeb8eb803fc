// The rules by which kstatus (a library in Flux, Argo CD and cli-utils) and `kubectl wait --for=condition=…` read the
// status of any object, as far as our kinds need them.
import { type Condition, findCondition, type ObjectMeta } from '../crds/index.ts'

/** A client waits while the status is `InProgress`; any other value ends the wait. */
type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current'

interface Readable {
  metadata: ObjectMeta
  status?: { observedGeneration?: number; conditions?: Condition[] }
}

/** Follows the order of kstatus's rules. If none matches, the object is Current. */
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
 * Works as `kubectl wait --for=condition=TYPE`: the condition's observedGeneration, or else that of the status, must
 * not be lower than metadata.generation.
 */
export function isWaitOver({ metadata, status = {} }: Readable, type: string): boolean {
  const condition = findCondition(status.conditions, type)
  if (!condition) return false
  const { generation = 0 } = metadata
  const observedGeneration = condition.observedGeneration ?? status.observedGeneration ?? generation
  return observedGeneration >= generation && condition.status === 'True'
}
