/** Simulated time: timers of all processes in one heap; each process has a clock of its own on it, which may be told a wrong wall time. */
import type { Clock } from '../../kube/clock.ts'

/** Whose timer it is. */
export interface Owner {
  readonly isDead: boolean
  readonly isFrozen: boolean
  readonly name: string
}

interface Timer {
  at: number
  order: number
  owner: Owner
  /** Undefined: cancelled. */
  fn: (() => void) | undefined
}

/** Of a millisecond. What is left of a wait may be less than a number of this size can show: the world's own time goes on, so must this. */
const TICKS = 1024

const EPOCH = Date.parse('2026-01-01T00:00:00Z')

export class Time {
  now = 0
  readonly #heap: Timer[] = []
  /** Of frozen processes. */
  readonly #deferred: Timer[] = []
  #order = 0

  wall(): Date {
    return new Date(EPOCH + this.now)
  }

  timer(owner: Owner, ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.now + Math.ceil(Math.max(ms, 0) * TICKS) / TICKS, order: this.#order++, owner, fn }
    this.#push(timer)
    return () => {
      timer.fn = undefined
    }
  }

  /** When the next timer is due; undefined: there is none. Those of frozen processes are due when they thaw. */
  next(): number | undefined {
    return this.#first()?.at
  }

  /** Goes to the next timer and lets it fire. Answers whose it was. */
  fire(): string | undefined {
    const timer = this.#first()
    if (!timer) return undefined
    this.#pop()
    this.now = Math.max(this.now, timer.at)
    timer.fn?.()
    return timer.owner.name
  }

  /** A process goes on: what fell due meanwhile is due now. */
  thawed(): void {
    for (const timer of this.#deferred.splice(0)) this.#push(timer)
  }

  /** Nothing falls due by it. */
  advanceTo(at: number): void {
    this.now = Math.max(this.now, at)
  }

  #first(): Timer | undefined {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      if (top.fn && !top.owner.isDead) {
        if (!top.owner.isFrozen) return top
        this.#deferred.push(top)
      }
      this.#pop()
    }
    return undefined
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const up = (at - 1) >> 1
      const above = heap[up] as Timer
      if (!isBefore(timer, above)) break
      heap[at] = above
      at = up
    }
    heap[at] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= heap.length) break
      const right = left + 1
      const child = right < heap.length && isBefore(heap[right] as Timer, heap[left] as Timer) ? right : left
      if (!isBefore(heap[child] as Timer, last)) break
      heap[at] = heap[child] as Timer
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (a: Timer, b: Timer): boolean => (a.at === b.at ? a.order < b.order : a.at < b.at)

/** The clock of one process. */
export class ProcessClock implements Clock {
  readonly #time: Time
  readonly #owner: Owner
  /** By how many ms its wall clock is wrong. */
  skew = 0

  constructor(time: Time, owner: Owner) {
    this.#time = time
    this.#owner = owner
  }

  now(): number {
    return this.#time.now
  }

  wall(): Date {
    return new Date(EPOCH + this.#time.now + this.skew)
  }

  timer(ms: number, fn: () => void): () => void {
    return this.#time.timer(this.#owner, ms, fn)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = (): void => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = this.timer(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    signal?.addEventListener('abort', abort, { once: true })
    return promise
  }
}
