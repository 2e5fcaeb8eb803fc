// Event recorder (events.k8s.io/v1): what happened to an object, for people; never blocks, never fails its caller, may drop.
import { hostname } from 'node:os'
import { type Event, events, type ObjectReference } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { type Clock, toMicroTime } from './clock.ts'
import { isNotFound } from './errors.ts'
import { type Log, noLog } from './log.ts'
import { defineCounter } from './metrics.ts'
import type { KubeObject } from './types.ts'

const sent = defineCounter('events_recorded_total', 'Events by what became of them.', ['result'])

/** What to say of `regarding`: `reason` (why, CamelCase), `action` (what was done), `note` (a sentence for people, cut at 1 kB). */
export interface EventDetails {
  regarding: KubeObject
  type?: 'Normal' | 'Warning' | undefined
  reason: string
  action: string
  note: string
  related?: KubeObject | undefined
}

export interface EventRecorder extends AsyncDisposable {
  event(happening: EventDetails): void
  /** Sends what waits; resolves when all was tried once, or after `timeoutMs` (5 000). */
  flush(timeoutMs?: number): Promise<void>
}

export interface EventRecorderOptions {
  kube: Kube
  /** `reportingController`: a qualified name (`kubenova.io/controller`). */
  controller: string
  /** `reportingInstance`; the host's name if absent. */
  instance?: string | undefined
  log?: Log | undefined
  clock?: Clock | undefined
}

/** A repetition within this time is counted in the first event's series. */
const SERIES_MS = 6 * 60_000
/** A series that grows is written at most this often. */
const SERIES_EVERY_MS = 10_000
/** Distinct events per object: this many at once, one more per half minute. */
const BURST = 25
const REFILL_MS = 30_000
const QUEUE = 1_000
const MOST_SERIES = 4_096
const AT_ONCE = 4

interface Series {
  event: Event
  count: number
  written: number
  lastSeen: number
  cancel: (() => void) | undefined
}
interface Bucket {
  tokens: number
  at: number
}

export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => new ApiEventRecorder(options)

class ApiEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #series = new Map<string, Series>()
  readonly #buckets = new Map<string, Bucket>()
  readonly #waiting = new Set<Series>()
  readonly #stop = new AbortController()
  readonly #senders = new Set<Promise<void>>()

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#clock = options.clock ?? options.kube.clock
    this.#log = options.log ?? noLog
  }

  event(happening: EventDetails): void {
    if (this.#stop.signal.aborted) return
    const now = this.#clock.now()
    const { regarding, type = 'Normal', reason, action, note } = happening
    const key = JSON.stringify([regarding.metadata.uid ?? referenceTo(regarding), type, reason, action, note])
    this.#forget(now)
    const known = this.#series.get(key)
    if (known) {
      known.count += 1
      known.lastSeen = now
      this.#series.delete(key)
      this.#series.set(key, known)
      known.cancel ??= this.#clock.timer(SERIES_EVERY_MS, () => this.#enqueue(known))
      return
    }
    if (!this.#allowed(regarding, now) || this.#waiting.size >= QUEUE) {
      this.#count('dropped')
      return
    }
    const series: Series = { event: this.#compose(happening), count: 1, written: 0, lastSeen: now, cancel: undefined }
    this.#series.set(key, series)
    this.#enqueue(series)
  }

  /** What is over makes no difference any more: series that nothing would be counted in, buckets that are full again. The oldest come first. */
  #forget(now: number): void {
    for (const [key, { lastSeen }] of this.#series) {
      if (now - lastSeen < SERIES_MS && this.#series.size < MOST_SERIES) break
      this.#series.delete(key)
    }
    for (const [id, { at }] of this.#buckets) {
      if (now - at < BURST * REFILL_MS && this.#buckets.size < MOST_SERIES) break
      this.#buckets.delete(id)
    }
  }

  async flush(timeoutMs = 5_000): Promise<void> {
    for (const series of this.#series.values()) if (series.cancel) this.#enqueue(series)
    const deadline = Promise.withResolvers<void>()
    const cancel = this.#clock.timer(timeoutMs, () => deadline.resolve())
    const all = async (): Promise<void> => {
      while (this.#senders.size > 0) await Promise.all(this.#senders)
    }
    await Promise.race([all(), deadline.promise])
    cancel()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
    this.#stop.abort(new Error('the recorder is closed'))
    for (const { cancel } of this.#series.values()) cancel?.()
    this.#series.clear()
  }

  #enqueue(series: Series): void {
    series.cancel?.()
    series.cancel = undefined
    this.#waiting.add(series)
    if (this.#senders.size >= AT_ONCE) return
    const sender = this.#drain().finally(() => this.#senders.delete(sender))
    this.#senders.add(sender)
  }

  async #drain(): Promise<void> {
    for (const series of this.#waiting) {
      this.#waiting.delete(series)
      try {
        await this.#write(series)
        this.#count('sent')
      } catch (err) {
        this.#count('failed')
        this.#log.debug({ err, reason: series.event.reason }, 'event not recorded')
      }
    }
  }

  async #write(series: Series): Promise<void> {
    const handle = this.#options.kube.resource<Event>(events)
    const call = { signal: this.#stop.signal, timeoutMs: 10_000 }
    const { count } = series
    if (series.written > 0) {
      const patch = { series: { count, lastObservedTime: this.#time() } }
      try {
        await handle.patch(series.event.metadata, patch, call)
        series.written = count
        return
      } catch (error) {
        if (!isNotFound(error)) throw error // its time in etcd was over: begin anew
      }
    }
    const { metadata, ...event } = series.event
    const repeated = count > 1 ? { series: { count, lastObservedTime: this.#time() } } : {}
    await handle.create({ metadata, ...event, ...repeated }, call)
    series.written = count
  }

  #compose({ regarding, type = 'Normal', reason, action, note, related }: EventDetails): Event {
    const { controller, instance = hostname() } = this.#options
    const base = (regarding.metadata.name ?? 'unnamed').slice(0, 200)
    return {
      // An event lies in its object's namespace; of what has none, in `default` (the server insists on it).
      metadata: {
        name: `${base}.${randomHex()}${randomHex()}`,
        namespace: regarding.metadata.namespace ?? 'default',
      },
      eventTime: this.#time(),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      type,
      reason: reason.slice(0, 128),
      action: action.slice(0, 128),
      note: truncateUtf8(note, 1_000),
      regarding: referenceTo(regarding),
      ...(related ? { related: referenceTo(related) } : {}),
    }
  }

  #allowed(regarding: KubeObject, now: number): boolean {
    const id = regarding.metadata.uid ?? JSON.stringify(referenceTo(regarding))
    const bucket = this.#buckets.get(id) ?? { tokens: BURST, at: now }
    const tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL_MS)
    this.#buckets.delete(id)
    this.#buckets.set(id, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
    return tokens >= 1
  }

  #count(result: 'sent' | 'failed' | 'dropped'): void {
    this.#options.kube.metrics.inc(sent, { result })
  }

  #time(): string {
    return toMicroTime(this.#clock.wall())
  }
}

/** A reference to an object as it was when something happened to it. */
export const referenceTo = ({ apiVersion, kind, metadata }: KubeObject): ObjectReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  namespace: metadata.namespace,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
})

/** At most `most` bytes of UTF-8, never half a character. */
function truncateUtf8(text: string, most: number): string {
  const bytes = Buffer.from(text)
  return bytes.length <= most
    ? text
    : `${bytes
        .subarray(0, most - 3)
        .toString('utf8')
        .replace(/\uFFFD+$/u, '')}…`
}

/** Eight random digits: names must differ, and nobody need be kept from guessing them. */
const randomHex = (): string =>
  Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
