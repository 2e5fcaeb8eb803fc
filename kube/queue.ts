// A work queue of keys. A key is in the queue at most once, has its own backoff, and only one worker at a time works on
// it. Namespaces of the same priority take turns, so a busy tenant delays only itself.
import { backoffMs, type Clock, systemClock } from './clock.ts'
import { createMetrics, defineCounter, defineGauge, defineHistogram, type Metrics } from './metrics.ts'
import { type Priority, ReadyList } from './ready-list.ts'

const depth = defineGauge('workqueue_depth', 'Keys waiting to be worked on.', ['name'])
const adds = defineCounter('workqueue_adds_total', 'Keys added.', ['name'])
const queued = defineHistogram('workqueue_queue_duration_seconds', 'Time that a key waits in the queue.', ['name'])
const worked = defineHistogram('workqueue_work_duration_seconds', 'Time that the work on a key takes.', ['name'])
const retries = defineCounter('workqueue_retries_total', 'Keys added again after a failure.', ['name'])
const unfinished = defineGauge('workqueue_unfinished_work_seconds', 'Sum of the ages of the work under way.', ['name'])
const longest = defineGauge('workqueue_longest_running_processor_seconds', 'Age of the oldest work under way.', [
  'name',
])

export interface QueueOptions {
  /** Label of the queue's metrics. */
  name: string
  metrics?: Metrics | undefined
  clock?: Clock | undefined
  random?: (() => number) | undefined
}
export interface AddOptions {
  /**
   * `high`: a user waits for the result. `normal` (default): an event has happened. `low`: the key is that of an object
   * in the informer's first list, or the key is checked again without an event.
   */
  priority?: Priority | undefined
  /** Earliest start, in milliseconds from now. */
  after?: number | undefined
}
export interface Item {
  key: string
  priority: Priority
  /** Failures of the work on this key since the last {@link WorkQueue.forget}. */
  failures: number
}
interface DelayedKey {
  due: number
  priority: Priority
  cancel: () => void
}

const BASE_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 300_000
const RANK = { high: 2, normal: 1, low: 0 } as const
const higherOf = (a: Priority, b: Priority): Priority => (RANK[a] >= RANK[b] ? a : b)

export class WorkQueue implements Disposable {
  readonly name: string
  readonly #options: QueueOptions
  readonly #clock: Clock
  readonly #metrics: Metrics
  /** Keys that can be taken now. They are neither in `#delayed` nor in `#active`; a key can be in both of these. */
  readonly #ready: ReadyList
  readonly #delayed = new Map<string, DelayedKey>()
  readonly #active = new Map<string, number>()
  /** Keys that become ready when the worker on them is done. */
  readonly #addedWhileActive = new Map<string, Priority>()
  readonly #failures = new Map<string, number>()
  readonly #waitingTakers: ((item: Item | undefined) => void)[] = []
  readonly #waitingForIdle: (() => void)[] = []
  readonly #removeScraper: () => void
  #closed = false

  constructor(options: QueueOptions) {
    this.name = options.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#metrics = options.metrics ?? createMetrics()
    this.#ready = new ReadyList((key) => key.slice(0, Math.max(0, key.indexOf('/'))))
    this.#removeScraper = this.#metrics.onScrape(() => this.#scrape())
  }

  get length(): number {
    return this.#ready.size
  }

  /** Number of keys that workers work on. */
  get active(): number {
    return this.#active.size
  }

  get delayed(): number {
    return this.#delayed.size
  }

  /** A key that waits already keeps the earlier start and the higher priority. Does nothing after {@link close}. */
  add(key: string, { priority = 'normal', after = 0 }: AddOptions = {}): void {
    if (this.#closed) return
    this.#metrics.inc(adds, { name: this.name })
    if (after <= 0) return this.#makeReady(key, priority)
    if (this.#ready.has(key) || this.#addedWhileActive.has(key)) return this.#makeReady(key, priority)
    const due = this.#clock.now() + after
    const known = this.#delayed.get(key)
    const best = known ? higherOf(known.priority, priority) : priority
    if (known && known.due <= due) {
      known.priority = best
      return
    }
    known?.cancel()
    const delayed: DelayedKey = { due, priority: best, cancel: () => undefined }
    this.#delayed.set(key, delayed)
    delayed.cancel = this.#clock.timer(after, () => this.#makeReady(key, delayed.priority))
  }

  /**
   * Adds the key after its backoff, but not before `atLeast` ms. The backoff grows until {@link forget} is called.
   * Returns the delay in ms.
   */
  retry(key: string, { priority = 'normal', atLeast = 0 }: { priority?: Priority; atLeast?: number } = {}): number {
    const failures = (this.#failures.get(key) ?? 0) + 1
    this.#failures.set(key, failures)
    this.#metrics.inc(retries, { name: this.name })
    const after = Math.max(atLeast, backoffMs(failures, BASE_BACKOFF_MS, MAX_BACKOFF_MS, this.#options.random))
    this.add(key, { priority, after })
    return after
  }

  /** Resets the key's backoff after a success. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** Resolves to undefined when the queue is closed. The caller must call {@link done} for each key. */
  take(): Promise<Item | undefined> {
    const item = this.#next()
    if (item || this.#closed) return Promise.resolve(item)
    const { promise, resolve } = Promise.withResolvers<Item | undefined>()
    this.#waitingTakers.push(resolve)
    return promise
  }

  /**
   * To be called when the work on the key has ended, successfully or not. Throws an error if no worker works on the
   * key.
   */
  done(key: string): void {
    const since = this.#active.get(key)
    if (since === undefined) throw new Error(`queue ${this.name}: ${key} was not being worked on`)
    this.#active.delete(key)
    this.#metrics.observe(worked, { name: this.name }, (this.#clock.now() - since) / 1000)
    const priority = this.#addedWhileActive.get(key)
    this.#addedWhileActive.delete(key)
    if (priority && !this.#closed) this.#makeReady(key, priority)
    if (this.#active.size === 0) for (const resolve of this.#waitingForIdle.splice(0)) resolve()
  }

  /** Drops all waiting keys. Work under way goes on; {@link idle} waits for it. */
  close(): void {
    this.#closed = true
    this.#removeScraper()
    for (const { cancel } of this.#delayed.values()) cancel()
    this.#delayed.clear()
    this.#addedWhileActive.clear()
    this.#ready.clear()
    for (const taker of this.#waitingTakers.splice(0)) taker(undefined)
  }

  idle(): Promise<void> {
    if (this.#active.size === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waitingForIdle.push(resolve)
    return promise
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #makeReady(key: string, priority: Priority): void {
    const delayed = this.#delayed.get(key)
    delayed?.cancel()
    this.#delayed.delete(key)
    const best = delayed ? higherOf(delayed.priority, priority) : priority
    if (this.#active.has(key)) {
      this.#addedWhileActive.set(key, higherOf(this.#addedWhileActive.get(key) ?? best, best))
      return
    }
    this.#ready.add(key, best, this.#clock.now())
    while (this.#waitingTakers.length > 0) {
      const item = this.#next()
      if (!item) return
      this.#waitingTakers.shift()?.(item)
    }
  }

  #next(): Item | undefined {
    const taken = this.#ready.take()
    if (!taken) return undefined
    const now = this.#clock.now()
    this.#active.set(taken.key, now)
    this.#metrics.observe(queued, { name: this.name }, (now - taken.since) / 1000)
    return { key: taken.key, priority: taken.priority, failures: this.#failures.get(taken.key) ?? 0 }
  }

  #scrape(): void {
    const now = this.#clock.now()
    const ages = [...this.#active.values()].map((since) => (now - since) / 1000)
    this.#metrics.set(depth, { name: this.name }, this.#ready.size)
    const sum = ages.reduce((a, b) => a + b, 0)
    this.#metrics.set(unfinished, { name: this.name }, sum)
    this.#metrics.set(longest, { name: this.name }, Math.max(0, ...ages))
  }
}
