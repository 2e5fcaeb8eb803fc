// Puts the keys of changed objects from an informer into a work queue.
import type { Informer } from './informer.ts'
import type { WorkQueue } from './queue.ts'
import type { Priority } from './ready-list.ts'
import { type KubeObject, keyOf } from './types.ts'

export interface EnqueueOptions<T> {
  /**
   * The keys to enqueue for an object; by default its own. An update enqueues the keys of the old and of the new object, because a
   * reference may have moved from one key to another.
   */
  keys?: ((object: T) => readonly string[]) | undefined
  /** Whether an update matters; by default every update does. Additions and deletions always matter. */
  when?: ((old: T, now: T) => boolean) | undefined
  /** `normal` by default. Objects of the first list are always `low`. */
  priority?: ((now: T, old: T | undefined) => Priority) | undefined
}

/** Returns a function that removes the handlers from the informer. */
export function enqueueOnChange<T extends KubeObject>(
  informer: Pick<Informer<T>, 'on'>,
  queue: WorkQueue,
  { keys = (object) => [keyOf(object.metadata)], when = () => true, priority = () => 'normal' }: EnqueueOptions<T> = {},
): () => void {
  const enqueue = (all: Iterable<string>, urgency: Priority): void => {
    for (const key of all) queue.add(key, { priority: urgency })
  }
  return informer.on({
    added: (now, { initial }) => enqueue(keys(now), initial ? 'low' : priority(now, undefined)),
    updated(old, now) {
      if (when(old, now)) enqueue(new Set([...keys(old), ...keys(now)]), priority(now, old))
    },
    deleted: (last) => enqueue(keys(last), priority(last, undefined)),
  })
}
