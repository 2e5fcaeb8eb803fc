// A cache of one kind that follows the API server: list, then watch after watch from where the last one ended, for ever.
import { createAbortScope } from './abort.ts'
import { Cache, deepFreeze, type IndexFn, type ReadonlyCache, withoutManagedFields } from './cache.ts'
import { type Clock, systemClock } from './clock.ts'
import { isGone } from './errors.ts'
import { createYielder } from './json-lines.ts'
import type { WatchHealth } from './lease-state.ts'
import {
  type FailureStreak,
  noFailures,
  planNextStep,
  randomWatchSeconds,
  type StepResult,
  WATCH_GRACE_MS,
} from './list-watch-backoff.ts'
import { isStreamingUnsupported, type ListMode, type ListResult, listObjects, type Scope } from './lister.ts'
import { type Log, noLog } from './log.ts'
import { createMetrics, defineCounter, defineGauge, defineHistogram, type Metrics } from './metrics.ts'
import type { Resource } from './resource.ts'
import { type KubeObject, keyOf, type WatchEvent } from './types.ts'

const lists = defineCounter('reflector_lists_total', 'Lists made, by kind and how they were read.', ['name', 'mode'])
const listSeconds = defineHistogram('reflector_list_duration_seconds', 'Time of a list until the cache holds it.', [
  'name',
])
const watches = defineCounter('reflector_watches_total', 'Watches ended, by kind and how.', ['name', 'end'])
const eventsSeen = defineCounter('reflector_events_total', 'Watch events received.', ['name', 'type'])
const objects = defineGauge('informer_objects', 'Objects in the cache.', ['name'])
const handlerErrors = defineCounter('informer_handler_errors_total', 'Handlers that threw.', ['name'])

const STREAM_TRIES = 3
/** Longest time that a list or a resync has the event loop for itself. */
const SLICE_MS = 8

/** Called one after the other, in the order of events; what they throw is logged and counted, and stops nothing. */
export interface Handlers<T> {
  /** `initial`: it was there before the informer (or this handler) was: low priority. */
  added?(object: T, info: { initial: boolean }): void
  /** `old` and `now` are the same object at a resync. */
  updated?(old: T, now: T): void
  /** `finalStateUnknown`: the deletion itself was missed; `last` is what was known before. */
  deleted?(last: T, info: { finalStateUnknown: boolean }): void
}

export interface InformerOptions<T extends KubeObject> extends Scope {
  indexes?: Readonly<Record<string, IndexFn<T>>> | undefined
  /** Drops what nobody needs, before the object is frozen and kept. Gets its own copy. */
  transform?: ((object: T) => T) | undefined
  /** Calls `updated(o, o)` for every object this often; absent: never. */
  resyncMs?: number | undefined
  /** How to list: `auto` streams (WatchList) and falls back to pages on servers that cannot. */
  listMode?: ListMode | 'auto' | undefined
  /** Length of one watch in seconds; {@link randomWatchSeconds} if absent. */
  watchSeconds?: (() => number) | undefined
  log?: Log | undefined
  metrics?: Metrics | undefined
  clock?: Clock | undefined
}

export const createInformer = <T extends KubeObject>(
  resource: Resource<T>,
  options: InformerOptions<T> = {},
): Informer<T> => new Informer(resource, options)

export class Informer<T extends KubeObject> implements AsyncDisposable {
  readonly name: string
  readonly #resource: Resource<T>
  readonly #options: InformerOptions<T>
  readonly #cache: Cache<T>
  readonly #handlers = new Set<Handlers<T>>()
  readonly #clock: Clock
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #stop = new AbortController()
  readonly #firstList = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  #synced = false
  #version = ''
  #lastContact: number | undefined
  #connectedSince: number | undefined
  #mode: ListMode
  #progress = false

  constructor(resource: Resource<T>, options: InformerOptions<T> = {}) {
    const { plural, group } = resource.def
    this.name = group === '' ? plural : `${plural}.${group}`
    this.#resource = resource
    this.#options = options
    this.#cache = new Cache(options.indexes)
    this.#clock = options.clock ?? systemClock
    this.#log = (options.log ?? noLog).child({ informer: this.name })
    this.#metrics = options.metrics ?? createMetrics()
    this.#mode = options.listMode === 'pages' ? 'pages' : 'stream'
    this.#firstList.promise.catch(() => undefined) // nobody may be waiting
  }

  get cache(): ReadonlyCache<T> {
    return this.#cache
  }

  /** The first list is in the cache and all handlers have seen it. Never goes back to false. */
  get hasSynced(): boolean {
    return this.#synced
  }

  /** Milliseconds since the server last said anything about this kind; how stale the cache may be. Infinity before the first list. */
  get staleMs(): number {
    return this.#lastContact === undefined ? Infinity : this.#clock.now() - this.#lastContact
  }

  /** On this informer's clock: since when no list or watch has failed, and when the server last said anything. For {@link isDead}. */
  get watchHealth(): WatchHealth {
    return { connectedSince: this.#connectedSince, lastContact: this.#lastContact }
  }

  /** Resolves at {@link hasSynced}; rejects when `signal` aborts or the informer is stopped before. */
  async synced(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const aborted = Promise.withResolvers<never>()
    const abort = (): void => aborted.reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#firstList.promise, aborted.promise])
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Registers handlers, best before {@link start}: later ones hear at once, as `added`, of all that is in the cache. Returns how to leave. */
  on(handlers: Handlers<T>): () => void {
    this.#handlers.add(handlers)
    for (const object of this.#cache.values()) this.#call(() => handlers.added?.(object, { initial: true }))
    return () => void this.#handlers.delete(handlers)
  }

  /** Begins; returns itself. Ends when `signal` aborts or the informer is disposed, and for no other reason. */
  start(signal?: AbortSignal): this {
    if (this.#running) return this
    const both = createAbortScope([signal, this.#stop.signal])
    const stopResync = this.#startResync()
    this.#running = this.#run(both.signal).finally(() => {
      both[Symbol.dispose]()
      stopResync()
      this.#firstList.reject(new Error(`informer ${this.name} was stopped`, { cause: both.signal.reason }))
    })
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error(`informer ${this.name} is closed`))
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    let streak: FailureStreak = noFailures
    let next: 'watch' | 'list' = 'list'
    while (!signal.aborted) {
      const ending: StepResult = await (next === 'list' ? this.#list(signal, streak.failures) : this.#watch(signal))
      if (signal.aborted) return
      const turn = planNextStep(ending, this.#progress ? noFailures : streak)
      // A list that failed leaves no version to watch from.
      next = this.#version === '' ? 'list' : turn.next
      if (next === 'list') this.#version = ''
      streak = turn.streak
      if (ending.how === 'failed' || ending.how === 'silent') this.#connectedSince = undefined
      else this.#contact()
      if (ending.how === 'failed') this.#complain(ending.error, turn.waitMs)
      if (turn.waitMs > 0) await this.#clock.sleep(turn.waitMs, signal).catch(() => undefined) // aborted: the loop ends
    }
  }

  #complain(err: unknown, waitMs: number): void {
    const fields = { err, waitMs, resourceVersion: this.#version }
    if (isGone(err)) this.#log.info(fields, 'resource version expired, listing again')
    else this.#log.warn(fields, 'list or watch failed')
  }

  async #list(signal: AbortSignal, failures: number): Promise<StepResult> {
    this.#progress = false
    const auto = (this.#options.listMode ?? 'auto') === 'auto'
    // Something between us and the server may not let streams through.
    const mode = auto && failures >= STREAM_TRIES ? 'pages' : this.#mode
    const started = this.#clock.now()
    try {
      const breathe = this.#breather()
      const prepare = (object: T): T => this.#prepare(object)
      const job = { resource: this.#resource, scope: scopeOf(this.#options), prepare, breathe, signal }
      const listed = await listObjects(job, mode)
      await this.#replace(listed, breathe)
    } catch (error) {
      if (auto && isStreamingUnsupported(error)) {
        this.#mode = 'pages'
        this.#log.info({ err: error }, 'server cannot stream lists, reading pages')
      }
      return { how: 'failed', error }
    }
    this.#metrics.inc(lists, { name: this.name, mode })
    this.#metrics.observe(listSeconds, { name: this.name }, (this.#clock.now() - started) / 1000)
    this.#contact()
    this.#synced = true
    this.#firstList.resolve()
    return { how: 'listed' }
  }

  async #watch(signal: AbortSignal): Promise<StepResult> {
    this.#progress = false
    const started = this.#clock.now()
    const timeoutSeconds = (this.#options.watchSeconds ?? randomWatchSeconds)()
    using limits = createAbortScope([signal])
    let silent = false
    const stopTimer = this.#clock.timer(timeoutSeconds * 1000 + WATCH_GRACE_MS, () => {
      silent = true
      limits.abort(new Error('the watch outlived its time'))
    })
    let end: 'ended' | 'silent' | 'gone' | 'failed' = 'ended'
    try {
      const scope = scopeOf(this.#options)
      const events = this.#resource.watch({
        ...scope,
        resourceVersion: this.#version,
        timeoutSeconds,
        signal: limits.signal,
      })
      for await (const event of events) this.#event(event)
      return { how: 'ended', lastedMs: this.#clock.now() - started, progress: this.#progress }
    } catch (error) {
      end = silent ? 'silent' : isGone(error) ? 'gone' : 'failed'
      return end === 'silent' ? { how: 'silent' } : { how: 'failed', error }
    } finally {
      stopTimer()
      this.#metrics.inc(watches, { name: this.name, end })
    }
  }

  #contact(): void {
    this.#lastContact = this.#clock.now()
    this.#connectedSince ??= this.#lastContact
    this.#metrics.set(objects, { name: this.name }, this.#cache.size)
  }

  #event({ type, object }: WatchEvent<T>): void {
    this.#metrics.inc(eventsSeen, { name: this.name, type })
    this.#progress = true
    if (type === 'DELETED') this.#drop(keyOf(object.metadata), this.#prepare(object))
    else if (type !== 'BOOKMARK') this.#put(this.#prepare(object), false)
    // After the cache has it: if a handler or transform were to fail here, the event would come again.
    this.#version = object.metadata.resourceVersion ?? this.#version
    this.#contact()
  }

  /** Makes the cache equal to a list; readers see each object old or new, never neither. */
  async #replace(
    { objects: fresh, resourceVersion }: ListResult<T>,
    breathe: () => Promise<void> | undefined,
  ): Promise<void> {
    const initial = !this.#synced
    for (const key of this.#cache.keys()) {
      const last = fresh.has(key) ? undefined : this.#cache.get(key)
      if (last) this.#drop(key, last, true)
    }
    for (const object of fresh.values()) {
      this.#put(object, initial)
      const pause = breathe()
      if (pause) await pause
    }
    this.#version = resourceVersion
  }

  #put(object: T, initial: boolean): void {
    const old = this.#cache.get(keyOf(object.metadata))
    if (old && old.metadata.uid !== object.metadata.uid) {
      // Deleted and made anew while nobody watched: two objects that only share a name.
      this.#drop(keyOf(object.metadata), old, true)
    } else if (old && old.metadata.resourceVersion === object.metadata.resourceVersion) return
    const known = this.#cache.set(object)
    for (const handlers of this.#handlers) {
      this.#call(() => (known ? handlers.updated?.(known, object) : handlers.added?.(object, { initial })))
    }
  }

  #drop(key: string, last: T, finalStateUnknown = false): void {
    if (!this.#cache.delete(key)) return
    for (const handlers of this.#handlers) this.#call(() => handlers.deleted?.(last, { finalStateUnknown }))
  }

  #prepare(object: T): T {
    const slim = withoutManagedFields(object)
    return deepFreeze(this.#options.transform ? this.#options.transform(slim) : slim)
  }

  #call(fn: () => void): void {
    try {
      fn()
    } catch (err) {
      this.#metrics.inc(handlerErrors, { name: this.name })
      this.#log.error({ err }, 'informer handler failed')
    }
  }

  #breather(): () => Promise<void> | undefined {
    return createYielder(SLICE_MS, () => this.#clock.now())
  }

  #startResync(): () => void {
    const { resyncMs } = this.#options
    if (!resyncMs) return () => undefined
    const resync = async (): Promise<void> => {
      const breathe = this.#breather()
      for (const object of this.#cache.list()) {
        for (const handlers of this.#handlers) this.#call(() => handlers.updated?.(object, object))
        const pause = breathe()
        if (pause) await pause
      }
    }
    let cancel = (): void => undefined
    let stopped = false
    const arm = (): void => {
      if (!stopped) cancel = this.#clock.timer(resyncMs * (0.9 + Math.random() / 5), () => void resync().finally(arm))
    }
    arm()
    return () => {
      stopped = true
      cancel()
    }
  }
}

const scopeOf = ({ namespace, labelSelector, fieldSelector }: Scope): Scope => ({
  namespace,
  labelSelector,
  fieldSelector,
})
