// From events of an informer to keys in a queue: which keys, how urgent, and which events are worth a reconcile at all.
import type { Informer } from './informer.ts'
import type { WorkQueue } from './queue.ts'
import type { Priority } from './ready-list.ts'
import { type KubeObject, keyOf, type ObjectMeta, type OwnerReference } from './types.ts'

export interface EnqueueOptions<T> {
  /** The keys an object concerns; its own if absent. An update feeds those of both states: one may have lost it, the other got it. */
  keys?: ((object: T) => readonly string[]) | undefined
  /** Whether a change matters; absent: every one does. Additions and deletions always do. */
  when?: ((old: T, now: T) => boolean) | undefined
  /** `normal` if absent; what was there before, and resyncs, are `low` in any case. */
  priority?: ((now: T, old: T | undefined) => Priority) | undefined
}

/** Returns how to stop. */
export function enqueueOnChange<T extends KubeObject>(
  informer: Pick<Informer<T>, 'on'>,
  queue: WorkQueue,
  { keys = (object) => [keyOf(object.metadata)], when = () => true, priority = () => 'normal' }: EnqueueOptions<T> = {},
): () => void {
  const add = (wanted: Iterable<string>, urgency: Priority): void => {
    for (const key of wanted) queue.add(key, { priority: urgency })
  }
  return informer.on({
    added: (now, { initial }) => add(keys(now), initial ? 'low' : priority(now, undefined)),
    updated(old, now) {
      const resync = old === now
      if (resync || when(old, now)) add(new Set([...keys(old), ...keys(now)]), resync ? 'low' : priority(now, old))
    },
    deleted: (last) => add(keys(last), priority(last, undefined)),
  })
}

/** The key of the controlling owner of this kind, if there is one: what `Owns()` is in Go. For {@link EnqueueOptions.keys}. */
export const ownerKey =
  (kind: string) =>
  (object: { metadata: Pick<ObjectMeta, 'namespace' | 'ownerReferences'> }): string[] => {
    const { namespace, ownerReferences = [] } = object.metadata
    return ownerReferences
      .filter((owner: OwnerReference) => owner.kind === kind && owner.controller === true)
      .map(({ name }) => keyOf({ namespace, name }))
  }

/** Spec changed, or someone asked for deletion: what a writer of status alone need not look at again. For {@link EnqueueOptions.when}. */
export const generationChanged = (
  old: { metadata: Pick<ObjectMeta, 'generation' | 'deletionTimestamp'> },
  now: { metadata: Pick<ObjectMeta, 'generation' | 'deletionTimestamp'> },
): boolean =>
  old.metadata.generation !== now.metadata.generation ||
  old.metadata.deletionTimestamp !== now.metadata.deletionTimestamp
