// Two programs that read the status of any object, even of a kind that they do not know: kstatus (a library in Flux,
// Argo CD and cli-utils), and `kubectl wait --for=condition=…`. This module contains their rules as far as they apply
// to our kinds.
import { type Condition, findCondition, type ObjectMeta } from '../crds/index.ts'

/** A client goes on waiting only after `InProgress`. Each other value ends its wait. */
type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current'

interface Readable {
  metadata: ObjectMeta
  status?: { observedGeneration?: number; conditions?: Condition[] }
}

/** Applies the rules of kstatus in the same order. An object about which no rule says anything is Current. */
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
 * Whether `kubectl wait --for=condition=TYPE` ends with success. A condition counts only if it is not older than the
 * spec; if the condition has no observedGeneration, that of the status counts.
 */
export function isWaitOver({ metadata, status = {} }: Readable, type: string): boolean {
  const condition = findCondition(status.conditions, type)
  if (!condition) return false
  const { generation = 0 } = metadata
  const observedGeneration = condition.observedGeneration ?? status.observedGeneration ?? generation
  return observedGeneration >= generation && condition.status === 'True'
}
