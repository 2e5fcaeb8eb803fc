import { createAbortScope } from './abort.ts'
import { Cache, deepFreeze, type ReadonlyCache, withoutManagedFields } from './cache.ts'
import { type Clock, systemClock } from './clock.ts'
import { describeFailure, isGone } from './errors.ts'
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
const cachedObjects = defineGauge('informer_objects', 'Objects in the cache.', ['name'])
const handlerErrors = defineCounter('informer_handler_errors_total', 'Handlers that threw.', ['name'])

/** After this many failures in a row, lists are read in pages, because a proxy may not let streams through. */
const MAX_STREAM_FAILURES = 3
/** Longest time in ms for which a list blocks the event loop. */
const SLICE_MS = 8

/**
 * Handlers are called one after the other, in the order of the events. Errors that they throw are logged and counted.
 */
export interface Handlers<T> {
  /** `initial`: the object existed before the informer was synced, or before the handler was registered. */
  added?(object: T, info: { initial: boolean }): void
  updated?(old: T, now: T): void
  /** `finalStateUnknown`: the deletion event was missed, so `last` may be outdated. */
  deleted?(last: T, info: { finalStateUnknown: boolean }): void
}

export interface InformerOptions<T extends KubeObject> extends Scope {
  /**
   * Removes fields that no reader needs. May change its argument, because the object is frozen and cached only
   * afterwards.
   */
  transform?: ((object: T) => T) | undefined
  /** `auto`, the default, streams (WatchList) and falls back to pages if the server does not support that. */
  listMode?: ListMode | 'auto' | undefined
  /** Seconds; by default {@link randomWatchSeconds}. */
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
  #hasSynced = false
  /** The resourceVersion to watch from. Empty: a list must come first. */
  #resourceVersion = ''
  #lastContact: number | undefined
  #connectedSince: number | undefined
  #listMode: ListMode
  #hasProgress = false

  constructor(resource: Resource<T>, options: InformerOptions<T> = {}) {
    const { plural, group } = resource.def
    this.name = group === '' ? plural : `${plural}.${group}`
    this.#resource = resource
    this.#options = options
    this.#cache = new Cache()
    this.#clock = options.clock ?? systemClock
    this.#log = (options.log ?? noLog).child({ informer: this.name })
    this.#metrics = options.metrics ?? createMetrics()
    this.#listMode = options.listMode === 'pages' ? 'pages' : 'stream'
    this.#firstList.promise.catch(() => undefined) // without a waiter a rejection would be unhandled
  }

  get cache(): ReadonlyCache<T> {
    return this.#cache
  }

  /** Whether the first list is in the cache and all handlers were called for it. Stays true. */
  get hasSynced(): boolean {
    return this.#hasSynced
  }

  /** {@link isHolderDead} needs these times. */
  get watchHealth(): WatchHealth {
    return { connectedSince: this.#connectedSince, lastContact: this.#lastContact }
  }

  /** Rejects if `signal` aborts or the informer is stopped before it is synced. */
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

  /**
   * Returns a function that removes the handlers. Before it returns, `on` calls `added` for each object that is in the
   * cache already.
   */
  on(handlers: Handlers<T>): () => void {
    this.#handlers.add(handlers)
    for (const object of this.#cache.values()) this.#callHandler(() => handlers.added?.(object, { initial: true }))
    return () => void this.#handlers.delete(handlers)
  }

  /** Ends only when `signal` aborts or the informer is disposed of. */
  start(signal?: AbortSignal): this {
    if (this.#running) return this
    const scope = createAbortScope([signal, this.#stop.signal])
    this.#running = this.#run(scope.signal).finally(() => {
      scope[Symbol.dispose]()
      this.#firstList.reject(new Error(`informer ${this.name} was stopped`, { cause: scope.signal.reason }))
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
      const result: StepResult = await (next === 'list' ? this.#list(signal, streak.failures) : this.#watch(signal))
      if (signal.aborted) return
      const step = planNextStep(result, this.#hasProgress ? noFailures : streak)
      // A failed list leaves no version to watch from.
      next = this.#resourceVersion === '' ? 'list' : step.next
      if (next === 'list') this.#resourceVersion = ''
      streak = step.streak
      if (result.how === 'failed' || result.how === 'silent') this.#connectedSince = undefined
      else this.#markContact()
      if (result.how === 'failed') this.#logFailure(result.error, step.waitMs)
      if (step.waitMs > 0) await this.#clock.sleep(step.waitMs, signal).catch(() => undefined)
    }
  }

  #logFailure(err: unknown, waitMs: number): void {
    const fields = { err, waitMs, resourceVersion: this.#resourceVersion }
    if (isGone(err)) this.#log.info(fields, 'resource version expired, listing again')
    else this.#log.warn(fields, `list or watch failed: ${describeFailure(err)}`)
  }

  async #list(signal: AbortSignal, failures: number): Promise<StepResult> {
    this.#hasProgress = false
    const isAuto = (this.#options.listMode ?? 'auto') === 'auto'
    const mode = isAuto && failures >= MAX_STREAM_FAILURES ? 'pages' : this.#listMode
    const started = this.#clock.now()
    try {
      const yieldIfDue = createYielder(SLICE_MS, () => this.#clock.now())
      const prepare = (object: T): T => this.#toCached(object)
      const job = { resource: this.#resource, scope: scopeOf(this.#options), prepare, yieldIfDue, signal }
      const listed = await listObjects(job, mode)
      await this.#replaceAll(listed, yieldIfDue)
    } catch (error) {
      if (isAuto && isStreamingUnsupported(error)) {
        this.#listMode = 'pages'
        this.#log.info({ err: error }, 'the API server cannot stream lists, reading pages')
      }
      return { how: 'failed', error }
    }
    this.#metrics.inc(lists, { name: this.name, mode })
    this.#metrics.observe(listSeconds, { name: this.name }, (this.#clock.now() - started) / 1000)
    this.#markContact()
    this.#hasSynced = true
    this.#firstList.resolve()
    return { how: 'listed' }
  }

  async #watch(signal: AbortSignal): Promise<StepResult> {
    this.#hasProgress = false
    const started = this.#clock.now()
    const timeoutSeconds = (this.#options.watchSeconds ?? randomWatchSeconds)()
    using scope = createAbortScope([signal])
    let isSilent = false
    const stopTimer = this.#clock.timer(timeoutSeconds * 1000 + WATCH_GRACE_MS, () => {
      isSilent = true
      scope.abort(new Error('the server did not end the watch in time'))
    })
    let end: 'ended' | 'silent' | 'gone' | 'failed' = 'ended'
    try {
      const events = this.#resource.watch({
        ...scopeOf(this.#options),
        resourceVersion: this.#resourceVersion,
        timeoutSeconds,
        signal: scope.signal,
      })
      for await (const event of events) this.#handleEvent(event)
      return { how: 'ended', lastedMs: this.#clock.now() - started, progress: this.#hasProgress }
    } catch (error) {
      end = isSilent ? 'silent' : isGone(error) ? 'gone' : 'failed'
      return end === 'silent' ? { how: 'silent' } : { how: 'failed', error }
    } finally {
      stopTimer()
      this.#metrics.inc(watches, { name: this.name, end })
    }
  }

  #markContact(): void {
    this.#lastContact = this.#clock.now()
    this.#connectedSince ??= this.#lastContact
    this.#metrics.set(cachedObjects, { name: this.name }, this.#cache.size)
  }

  #handleEvent({ type, object }: WatchEvent<T>): void {
    this.#metrics.inc(eventsSeen, { name: this.name, type })
    this.#hasProgress = true
    if (type === 'DELETED') this.#remove(keyOf(object.metadata), this.#toCached(object))
    else if (type !== 'BOOKMARK') this.#upsert(this.#toCached(object), false)
    // The version is set only after the cache has the object. If `transform` throws, the next watch then brings the
    // event again.
    this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion
    this.#markContact()
  }

  /** An object that is both in the cache and in the list is never missing from the cache meanwhile. */
  async #replaceAll(
    { objects, resourceVersion }: ListResult<T>,
    yieldIfDue: () => Promise<void> | undefined,
  ): Promise<void> {
    const initial = !this.#hasSynced
    for (const key of this.#cache.keys()) {
      const last = objects.has(key) ? undefined : this.#cache.get(key)
      if (last) this.#remove(key, last, true)
    }
    for (const object of objects.values()) {
      this.#upsert(object, initial)
      const pause = yieldIfDue()
      if (pause) await pause
    }
    this.#resourceVersion = resourceVersion
  }

  #upsert(object: T, initial: boolean): void {
    const old = this.#cache.get(keyOf(object.metadata))
    if (old && old.metadata.uid !== object.metadata.uid) {
      // The object was deleted and created again while the watch was down: two objects that only share a name.
      this.#remove(keyOf(object.metadata), old, true)
    } else if (old && old.metadata.resourceVersion === object.metadata.resourceVersion) return
    const replaced = this.#cache.set(object)
    for (const handlers of this.#handlers) {
      this.#callHandler(() => (replaced ? handlers.updated?.(replaced, object) : handlers.added?.(object, { initial })))
    }
  }

  #remove(key: string, last: T, finalStateUnknown = false): void {
    if (!this.#cache.delete(key)) return
    for (const handlers of this.#handlers) this.#callHandler(() => handlers.deleted?.(last, { finalStateUnknown }))
  }

  #toCached(object: T): T {
    const slim = withoutManagedFields(object)
    return deepFreeze(this.#options.transform ? this.#options.transform(slim) : slim)
  }

  #callHandler(fn: () => void): void {
    try {
      fn()
    } catch (err) {
      this.#metrics.inc(handlerErrors, { name: this.name })
      this.#log.error({ err }, 'informer handler failed')
    }
  }
}

const scopeOf = ({ namespace, labelSelector, fieldSelector }: Scope): Scope => ({
  namespace,
  labelSelector,
  fieldSelector,
})
