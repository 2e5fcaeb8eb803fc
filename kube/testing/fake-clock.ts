// A clock that stands still until a test advances it. Timers of the same time fire in the order of their creation.
import type { Clock } from '../clock.ts'

interface Timer {
  at: number
  fn: () => void
}

export class FakeClock implements Clock {
  #now: number
  readonly #epoch: number
  readonly #timers = new Set<Timer>()

  /** @param epoch the wall time in ms at which `now()` is 0 */
  constructor(now = 0, epoch: number = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = now
    this.#epoch = epoch
  }

  /** Number of timers that have not fired. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  wall(): Date {
    return new Date(this.#epoch + this.#now)
  }

  timer(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + Math.max(ms, 0), fn }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    const cancel = this.timer(ms, resolve)
    const abort = (): void => {
      cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    return promise.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Fires the timers that become due. Lets pending promises settle at the start and after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await flushPromises()
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fn()
      await flushPromises()
    }
    this.#now = end
    await flushPromises()
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer
    return first
  }
}

/** Resolves when all promises have settled that need neither I/O nor time. */
export const flushPromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
