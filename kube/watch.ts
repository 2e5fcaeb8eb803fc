import type { Channel, Channels } from './channel.ts'
import { type Clock, startInterval } from './clock.ts'
import type { Priority } from './ready-list.ts'
import type { Store, StoreDef } from './store.ts'
import type { KubeObject } from './types.ts'

export interface WatchTarget<S> {
  readonly stores: S
  storeOf<T extends KubeObject>(def: StoreDef<T>): Store<T>
  readonly channels: Channels
  readonly clock: Clock
  enqueue(keys: Iterable<string>, priority: Priority): void
}

/** @typeParam S the stores that the functions of the watch read */
export interface Watch<S> {
  /** Listed in docs/reference/wakes.md together with `events` and `because`. */
  readonly source: string
  readonly events: readonly string[]
  readonly because: string
  readonly priority: Priority | undefined
  /** Shortest time from the event to the reconcile, in milliseconds. */
  readonly after: number
  /** Returns a function that stops the watch. */
  readonly connect: (target: WatchTarget<S>) => () => void
}

type Keys = Iterable<string>

export interface WakeOptions {
  /** One sentence for docs/reference/wakes.md. */
  because: string
  /** Absent: `low` for timers and for objects of the informer's first list, else `normal`. */
  priority?: Priority
  /** Shortest time in ms from the event to the reconcile. Events within this time cause only one reconcile. */
  after?: number
}

export interface WatchOptions<T, S> extends WakeOptions {
  /**
   * Called for each kind of event that has no function of its own below. For an update, `map` is called twice: with the
   * old object and with the new object.
   */
  map?: (object: T, stores: S) => Keys
  added?: (object: T, stores: S) => Keys
  updated?: (old: T, now: T, stores: S) => Keys
  deleted?: (last: T, stores: S) => Keys
  /** true: ignores the objects of the informer's first list. Use it if all keys are enqueued at the start anyway. */
  skipInitialList?: boolean
}

/**
 * TypeScript infers `S` from the parameter `stores` of the functions in `options`, which therefore needs a type
 * annotation.
 */
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

/** For work that becomes due by time alone. */
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
