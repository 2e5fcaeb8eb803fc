// A work queue of keys: each key waits once, runs once at a time, backs off on its own, and gets its turn by priority and fairness.
import { backoffMs, type Clock, systemClock } from './clock.ts'
import { createMetrics, defineCounter, defineGauge, defineHistogram, type Metrics } from './metrics.ts'
import { type Priority, ReadyList } from './ready-list.ts'

const depth = defineGauge('workqueue_depth', 'Keys waiting to be worked on.', ['name'])
const adds = defineCounter('workqueue_adds_total', 'Adds handled.', ['name'])
const queued = defineHistogram('workqueue_queue_duration_seconds', 'Time a key waits in the queue.', ['name'])
const worked = defineHistogram('workqueue_work_duration_seconds', 'Time working on a key takes.', ['name'])
const retries = defineCounter('workqueue_retries_total', 'Keys that came back after a failure.', ['name'])
const unfinished = defineGauge('workqueue_unfinished_work_seconds', 'Sum of the ages of the work under way.', ['name'])
const longest = defineGauge('workqueue_longest_running_processor_seconds', 'Age of the oldest work under way.', [
  'name',
])

export interface QueueOptions {
  /** Label of its metrics. */
  name: string
  /** First wait after a failure, in ms (100), doubled each time up to `maxBackoffMs` (300 000). */
  baseBackoffMs?: number | undefined
  maxBackoffMs?: number | undefined
  /** Keys of one group take turns with other groups of the same priority: a busy tenant delays only itself. Default: the namespace. */
  group?: ((key: string) => string) | undefined
  metrics?: Metrics | undefined
  clock?: Clock | undefined
  random?: (() => number) | undefined
}
export interface AddOptions {
  /** `high`: someone waits for it. `normal`: an event. `low`: first list, resync. */
  priority?: Priority | undefined
  /** Not before this many ms from now. */
  after?: number | undefined
}
export interface Item {
  key: string
  priority: Priority
  /** Failures so far, since the last {@link WorkQueue.forget}. */
  failures: number
}
interface Waiting {
  due: number
  priority: Priority
  cancel: () => void
}

const RANK = { high: 2, normal: 1, low: 0 } as const
const higher = (a: Priority, b: Priority): Priority => (RANK[a] >= RANK[b] ? a : b)

export class WorkQueue implements Disposable {
  readonly name: string
  readonly #options: QueueOptions
  readonly #clock: Clock
  readonly #metrics: Metrics
  /** A key is in at most one of `#ready` and `#later`; being `#active` does not count. */
  readonly #ready: ReadyList
  readonly #later = new Map<string, Waiting>()
  readonly #active = new Map<string, number>()
  /** Added while active: ready again when its worker is done. */
  readonly #again = new Map<string, Priority>()
  readonly #failures = new Map<string, number>()
  readonly #takers: ((item: Item | undefined) => void)[] = []
  readonly #idle: (() => void)[] = []
  readonly #stopScrape: () => void
  #closed = false

  constructor(options: QueueOptions) {
    this.name = options.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#metrics = options.metrics ?? createMetrics()
    this.#ready = new ReadyList(options.group ?? ((key) => key.slice(0, Math.max(0, key.indexOf('/')))))
    this.#stopScrape = this.#metrics.onScrape(() => this.#scrape())
  }

  /** Keys that could be taken now. */
  get length(): number {
    return this.#ready.size
  }

  /** Keys being worked on. */
  get active(): number {
    return this.#active.size
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#later.size
  }

  /** A key that waits already keeps its earlier time and its higher priority. After {@link close}: nothing. */
  add(key: string, { priority = 'normal', after = 0 }: AddOptions = {}): void {
    if (this.#closed) return
    this.#metrics.inc(adds, { name: this.name })
    if (after <= 0) return this.#now(key, priority)
    if (this.#ready.has(key) || this.#again.has(key)) return this.#now(key, priority)
    const due = this.#clock.now() + after
    const known = this.#later.get(key)
    const best = known ? higher(known.priority, priority) : priority
    if (known && known.due <= due) {
      known.priority = best
      return
    }
    known?.cancel()
    const waiting: Waiting = { due, priority: best, cancel: () => undefined }
    this.#later.set(key, waiting)
    waiting.cancel = this.#clock.timer(after, () => this.#now(key, waiting.priority))
  }

  /** Adds after this key's back-off: longer with each call until {@link forget}, never shorter than `atLeast` ms. Answers the wait in ms. */
  retry(key: string, { priority = 'normal', atLeast = 0 }: { priority?: Priority; atLeast?: number } = {}): number {
    const failures = (this.#failures.get(key) ?? 0) + 1
    this.#failures.set(key, failures)
    this.#metrics.inc(retries, { name: this.name })
    const { baseBackoffMs = 100, maxBackoffMs = 300_000, random } = this.#options
    const after = Math.max(atLeast, backoffMs(failures, baseBackoffMs, maxBackoffMs, random))
    this.add(key, { priority, after })
    return after
  }

  /** The key succeeded: its next failure waits the shortest time again. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** The next key, as soon as there is one; undefined when the queue is closed. Every item taken must be given to {@link done}. */
  take(): Promise<Item | undefined> {
    const item = this.#next()
    if (item || this.#closed) return Promise.resolve(item)
    const { promise, resolve } = Promise.withResolvers<Item | undefined>()
    this.#takers.push(resolve)
    return promise
  }

  /** The worker is through with the key, whatever came of it. */
  done(key: string): void {
    const since = this.#active.get(key)
    if (since === undefined) throw new Error(`queue ${this.name}: ${key} was not being worked on`)
    this.#active.delete(key)
    this.#metrics.observe(worked, { name: this.name }, (this.#clock.now() - since) / 1000)
    const priority = this.#again.get(key)
    this.#again.delete(key)
    if (priority && !this.#closed) this.#now(key, priority)
    if (this.#active.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** No further key is given out; what waits is dropped. Work under way goes on: see {@link idle}. */
  close(): void {
    this.#closed = true
    this.#stopScrape()
    for (const { cancel } of this.#later.values()) cancel()
    this.#later.clear()
    this.#again.clear()
    this.#ready.clear()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }

  /** Resolves when nothing is being worked on. */
  idle(): Promise<void> {
    if (this.#active.size === 0) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#idle.push(resolve)
    return promise
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #now(key: string, priority: Priority): void {
    const waiting = this.#later.get(key)
    waiting?.cancel()
    this.#later.delete(key)
    const best = waiting ? higher(waiting.priority, priority) : priority
    if (this.#active.has(key)) {
      this.#again.set(key, higher(this.#again.get(key) ?? best, best))
      return
    }
    this.#ready.add(key, best, this.#clock.now())
    while (this.#takers.length > 0) {
      const item = this.#next()
      if (!item) return
      this.#takers.shift()?.(item)
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
    this.#metrics.set(
      unfinished,
      { name: this.name },
      ages.reduce((a, b) => a + b, 0),
    )
    this.#metrics.set(longest, { name: this.name }, Math.max(0, ...ages))
  }
}
