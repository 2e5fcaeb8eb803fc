// What wakes a controller: which event brings which keys back to its queue, how urgently, and why.
import type { Channel, Channels } from './channel.ts'
import { type Clock, startInterval } from './clock.ts'
import type { Priority } from './ready-list.ts'
import type { Store, StoreDef } from './store.ts'
import type { KubeObject } from './types.ts'

/** What a watch is registered with: the stores that its controller declares, and the queue. */
export interface WatchTarget<S> {
  readonly stores: S
  storeOf<T extends KubeObject>(def: StoreDef<T>): Store<T>
  readonly channels: Channels
  readonly clock: Clock
  enqueue(keys: Iterable<string>, priority: Priority): void
}

/** `S`: the stores that its functions ask. */
export interface Watch<S> {
  /** The kind, channel or timer that it watches, and which events of it wake: for people. */
  readonly source: string
  readonly events: readonly string[]
  readonly because: string
  readonly priority: Priority | undefined
  /** Milliseconds from the event to the reconcile. */
  readonly after: number
  /** Begins to enqueue. Returns how to stop. */
  readonly connect: (target: WatchTarget<S>) => () => void
}

type Keys = Iterable<string>

export interface WakeOptions {
  /** Why these keys have to be looked at again: one sentence, for the graph of what wakes what. */
  because: string
  /** Of every event. Absent: `low` for objects of the first list, `normal` for the rest. */
  priority?: Priority
  /** Not before this many ms from the event: many events then cost one reconcile. */
  after?: number
}

export interface WatchOptions<T, S> extends WakeOptions {
  /** The keys that an object concerns. For each event that has no function of its own; an update wakes the keys of both states. */
  map?: (object: T, stores: S) => Keys
  added?: (object: T, stores: S) => Keys
  updated?: (old: T, now: T, stores: S) => Keys
  deleted?: (last: T, stores: S) => Keys
  /** Objects of the first list do not wake: for keys that are enqueued at the start anyway. */
  skipInitialList?: boolean
}

/** Watches a kind. `S` is inferred from the functions: annotate what they take of the stores. */
export function watch<T extends KubeObject, S = unknown>(store: StoreDef<T>, options: WatchOptions<T, S>): Watch<S> {
  const { map, because, priority, after = 0, skipInitialList = false } = options
  const mapBoth = map && ((old: T, now: T, stores: S) => new Set([...map(old, stores), ...map(now, stores)]))
  const { added = map, updated = mapBoth, deleted = map } = options
  const events = Object.entries({ added, updated, deleted }).flatMap(([event, keys]) => (keys ? [event] : []))
  return {
    source: store.kind.kind,
    events,
    because,
    priority,
    after,
    connect: ({ storeOf, stores, enqueue }) =>
      storeOf(store).informer.on({
        added(object, { initial }) {
          if (!added || (initial && skipInitialList)) return
          enqueue(added(object, stores), priority ?? (initial ? 'low' : 'normal'))
        },
        updated(old, now) {
          if (updated) enqueue(updated(old, now, stores), priority ?? 'normal')
        },
        deleted(last) {
          if (deleted) enqueue(deleted(last, stores), priority ?? 'normal')
        },
      }),
  }
}

/** Watches a channel: each value that is notified wakes the keys of `map`. */
export const watchChannel = <V, S = unknown>(
  channel: Channel<V>,
  options: WakeOptions & { map: (value: V, stores: S) => Keys },
): Watch<S> => ({
  source: channel.name,
  events: ['notified'],
  because: options.because,
  priority: options.priority,
  after: options.after ?? 0,
  connect: ({ channels, stores, enqueue }) =>
    channels.on(channel, (value) => enqueue(options.map(value, stores), options.priority ?? 'normal')),
})

/** Wakes the keys of `map` again and again: for what time alone makes due. */
export const watchTimer = <S = unknown>(
  everyMs: number,
  options: Omit<WakeOptions, 'after'> & { map: (stores: S) => Keys },
): Watch<S> => ({
  source: `every ${everyMs / 1000} s`,
  events: ['due'],
  because: options.because,
  priority: options.priority,
  after: 0,
  connect: ({ clock, stores, enqueue }) =>
    startInterval(clock, everyMs, () => enqueue(options.map(stores), options.priority ?? 'low')),
})
