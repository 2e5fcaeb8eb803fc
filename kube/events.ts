// Events tell people what happened to an object. The recorder (events.k8s.io/v1) never blocks or fails its caller, and
// may drop events.
import { hostname } from 'node:os'
import { type Event, events, type ObjectReference } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { type Clock, toMicroTime } from './clock.ts'
import { isNotFound } from './errors.ts'
import { type Log, noLog } from './log.ts'
import { defineCounter } from './metrics.ts'
import type { KubeObject } from './types.ts'

const recorded = defineCounter('events_recorded_total', 'Events by result: sent, failed or dropped.', ['result'])

export interface EventDetails {
  regarding: KubeObject
  type?: 'Normal' | 'Warning' | undefined
  /** The cause, in CamelCase. */
  reason: string
  /** The action that was taken, in CamelCase. */
  action: string
  /** One sentence for people, truncated to 1 kB. */
  note: string
}

export interface EventRecorder extends AsyncDisposable {
  event(details: EventDetails): void
  /** Sends all waiting events. Resolves when each has been tried once, or after `timeoutMs` ms (5 000 by default). */
  flush(timeoutMs?: number): Promise<void>
}

export interface EventRecorderOptions {
  kube: Kube
  /** The field `reportingController` of each Event: a qualified name such as `kubenova.io/controller`. */
  controller: string
  /** `reportingInstance`; by default the host name. */
  instance?: string | undefined
  log?: Log | undefined
  clock?: Clock | undefined
}

/** A series ends when it has had no event for this long. */
const SERIES_MS = 6 * 60_000
const SERIES_WRITE_INTERVAL_MS = 10_000
/** Limit per object: this many different events at once, and one more every REFILL_MS. Further events are dropped. */
const BURST = 25
const REFILL_MS = 30_000
const MAX_WAITING = 1_000
const MAX_SERIES = 4_096
const MAX_SENDERS = 4

interface Series {
  event: Event
  count: number
  /** The count as last written; 0: the event was not sent yet. */
  writtenCount: number
  lastSeen: number
  cancelTimer: (() => void) | undefined
}
interface TokenBucket {
  tokens: number
  updatedAt: number
}

export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => new ApiEventRecorder(options)

class ApiEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #clock: Clock
  readonly #log: Log
  /** `#series` and `#buckets` are in the order of last use: the entry that was used longest ago comes first. */
  readonly #series = new Map<string, Series>()
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #waiting = new Set<Series>()
  readonly #stop = new AbortController()
  readonly #senders = new Set<Promise<void>>()

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#clock = options.clock ?? options.kube.clock
    this.#log = options.log ?? noLog
  }

  event(details: EventDetails): void {
    if (this.#stop.signal.aborted) return
    const now = this.#clock.now()
    const { regarding, type = 'Normal', reason, action, note } = details
    const key = JSON.stringify([regarding.metadata.uid ?? referenceTo(regarding), type, reason, action, note])
    this.#forgetOld(now)
    const known = this.#series.get(key)
    if (known) {
      known.count += 1
      known.lastSeen = now
      this.#series.delete(key)
      this.#series.set(key, known)
      known.cancelTimer ??= this.#clock.timer(SERIES_WRITE_INTERVAL_MS, () => this.#enqueue(known))
      return
    }
    if (!this.#takeToken(regarding, now) || this.#waiting.size >= MAX_WAITING) {
      this.#countResult('dropped')
      return
    }
    const event = this.#eventFrom(details)
    const series: Series = { event, count: 1, writtenCount: 0, lastSeen: now, cancelTimer: undefined }
    this.#series.set(key, series)
    this.#enqueue(series)
  }

  /**
   * Drops series that have ended, and token buckets that are full again. If there are still too many entries, drops the
   * oldest ones.
   */
  #forgetOld(now: number): void {
    for (const [key, { lastSeen }] of this.#series) {
      if (now - lastSeen < SERIES_MS && this.#series.size < MAX_SERIES) break
      this.#series.delete(key)
    }
    for (const [id, { updatedAt }] of this.#buckets) {
      if (now - updatedAt < BURST * REFILL_MS && this.#buckets.size < MAX_SERIES) break
      this.#buckets.delete(id)
    }
  }

  async flush(timeoutMs = 5_000): Promise<void> {
    for (const series of this.#series.values()) if (series.cancelTimer) this.#enqueue(series)
    const deadline = Promise.withResolvers<void>()
    const cancel = this.#clock.timer(timeoutMs, () => deadline.resolve())
    const allSent = async (): Promise<void> => {
      while (this.#senders.size > 0) await Promise.all(this.#senders)
    }
    await Promise.race([allSent(), deadline.promise])
    cancel()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush()
    this.#stop.abort(new Error('the recorder is closed'))
    for (const { cancelTimer } of this.#series.values()) cancelTimer?.()
    this.#series.clear()
  }

  #enqueue(series: Series): void {
    series.cancelTimer?.()
    series.cancelTimer = undefined
    this.#waiting.add(series)
    if (this.#senders.size >= MAX_SENDERS) return
    const sender = this.#sendWaiting().finally(() => this.#senders.delete(sender))
    this.#senders.add(sender)
  }

  async #sendWaiting(): Promise<void> {
    for (const series of this.#waiting) {
      this.#waiting.delete(series)
      try {
        await this.#write(series)
        this.#countResult('sent')
      } catch (err) {
        this.#countResult('failed')
        this.#log.debug({ err, reason: series.event.reason }, 'event not recorded')
      }
    }
  }

  async #write(series: Series): Promise<void> {
    const resource = this.#options.kube.resource<Event>(events)
    const call = { signal: this.#stop.signal, timeoutMs: 10_000 }
    const { count } = series
    const counted = { series: { count, lastObservedTime: this.#microTime() } }
    if (series.writtenCount > 0) {
      try {
        await resource.patch(series.event.metadata, counted, call)
        series.writtenCount = count
        return
      } catch (error) {
        if (!isNotFound(error)) throw error // 404: the API server has deleted the old event, so it is created again
      }
    }
    const { metadata, ...event } = series.event
    await resource.create({ metadata, ...event, ...(count > 1 ? counted : {}) }, call)
    series.writtenCount = count
  }

  #eventFrom({ regarding, type = 'Normal', reason, action, note }: EventDetails): Event {
    const { controller, instance = hostname() } = this.#options
    const prefix = (regarding.metadata.name ?? 'unnamed').slice(0, 200)
    return {
      // The API server requires an Event to be in the namespace of its object, or in `default` if the object has none.
      metadata: {
        name: `${prefix}.${randomHex()}${randomHex()}`,
        namespace: regarding.metadata.namespace ?? 'default',
      },
      eventTime: this.#microTime(),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      type,
      reason: reason.slice(0, 128),
      action: action.slice(0, 128),
      note: truncateUtf8(note, 1_000),
      regarding: referenceTo(regarding),
    }
  }

  #takeToken(regarding: KubeObject, now: number): boolean {
    const id = regarding.metadata.uid ?? JSON.stringify(referenceTo(regarding))
    const bucket = this.#buckets.get(id) ?? { tokens: BURST, updatedAt: now }
    const tokens = Math.min(BURST, bucket.tokens + (now - bucket.updatedAt) / REFILL_MS)
    this.#buckets.delete(id)
    this.#buckets.set(id, { tokens: tokens >= 1 ? tokens - 1 : tokens, updatedAt: now })
    return tokens >= 1
  }

  #countResult(result: 'sent' | 'failed' | 'dropped'): void {
    this.#options.kube.metrics.inc(recorded, { result })
  }

  #microTime(): string {
    return toMicroTime(this.#clock.wall())
  }
}

const referenceTo = ({ apiVersion, kind, metadata }: KubeObject): ObjectReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  namespace: metadata.namespace,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
})

function truncateUtf8(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  const start = bytes.subarray(0, maxBytes - 3).toString('utf8')
  return `${start.replace(/\uFFFD+$/u, '')}…`
}

/** Event names must be unique, but need not be hard to guess. */
const randomHex = (): string =>
  Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
