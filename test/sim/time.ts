/** One heap has the timers of all processes. Each process has its own clock, whose wall time a fault may make wrong. */
import type { Clock } from '../../kube/clock.ts'

export interface TimerOwner {
  readonly isDead: boolean
  readonly isFrozen: boolean
  readonly name: string
}

interface Timer {
  at: number
  order: number
  owner: TimerOwner
  /** Undefined after the timer was cancelled. */
  callback: (() => void) | undefined
}

/**
 * Delays are rounded up to 1/1024 ms. A shorter delay can vanish when it is added to a large time. A timer that is set
 * again with such a delay would then fire for ever while time stands still.
 */
const TICKS_PER_MS = 1024

const EPOCH = Date.parse('2026-01-01T00:00:00Z')

export class Time {
  now = 0
  readonly #heap: Timer[] = []
  /** Due timers of frozen processes. They return to the heap when a process is thawed. */
  readonly #deferred: Timer[] = []
  #order = 0

  wall(): Date {
    return new Date(EPOCH + this.now)
  }

  setTimer(owner: TimerOwner, ms: number, callback: () => void): () => void {
    const timer: Timer = {
      at: this.now + Math.ceil(Math.max(ms, 0) * TICKS_PER_MS) / TICKS_PER_MS,
      order: this.#order++,
      owner,
      callback,
    }
    this.#push(timer)
    return () => {
      timer.callback = undefined
    }
  }

  /** undefined: there is no timer. Ignores timers of frozen processes. */
  nextDue(): number | undefined {
    return this.#firstTimer()?.at
  }

  /** Returns the name of the timer's owner; undefined if there is no timer. */
  fireNext(): string | undefined {
    const timer = this.#firstTimer()
    if (!timer) return undefined
    this.#pop()
    this.now = Math.max(this.now, timer.at)
    timer.callback?.()
    return timer.owner.name
  }

  /** Returns all deferred timers to the heap. A timer whose time has passed is due at once. */
  requeueDeferred(): void {
    for (const timer of this.#deferred.splice(0)) this.#push(timer)
  }

  /** Advances time to `at` without firing timers. */
  advanceTo(at: number): void {
    this.now = Math.max(this.now, at)
  }

  #firstTimer(): Timer | undefined {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      if (top.callback && !top.owner.isDead) {
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
      const parent = (at - 1) >> 1
      const parentTimer = heap[parent] as Timer
      if (!isBefore(timer, parentTimer)) break
      heap[at] = parentTimer
      at = parent
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

export class ProcessClock implements Clock {
  readonly #time: Time
  readonly #owner: TimerOwner
  /** Milliseconds by which the wall clock is wrong. */
  skewMs = 0

  constructor(time: Time, owner: TimerOwner) {
    this.#time = time
    this.#owner = owner
  }

  now(): number {
    return this.#time.now
  }

  wall(): Date {
    return new Date(EPOCH + this.#time.now + this.skewMs)
  }

  timer(ms: number, callback: () => void): () => void {
    return this.#time.setTimer(this.#owner, ms, callback)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = (): void => {
      cancelTimer()
      reject(signal?.reason)
    }
    const cancelTimer = this.timer(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    signal?.addEventListener('abort', abort, { once: true })
    return promise
  }
}
