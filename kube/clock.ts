// All code asks this clock for the time, so that tests can replace it. Durations use monotonic time, because a wall
// clock may jump; wall time is only written into objects.
import { setTimeout as delay } from 'node:timers/promises'

export interface Clock {
  /** Monotonic time in milliseconds. */
  now(): number
  /** Wall time, comparable with that of other machines. */
  wall(): Date
  /** Calls `fn` once after `ms`. The returned function cancels the timer. The timer does not keep the process alive. */
  timer(ms: number, fn: () => void): () => void
  /** Resolves after `ms`, or rejects with the signal's reason as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/**
 * The longest delay that setTimeout supports (24 days). With a longer delay, setTimeout would fire at once. So a timer
 * with a longer delay fires after this delay, which is too early.
 */
const MAX_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  timer(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), MAX_TIMER_MS)).unref()
    return () => clearTimeout(timer)
  },
  async sleep(ms, signal) {
    await delay(Math.min(Math.max(ms, 0), MAX_TIMER_MS), undefined, signal ? { signal } : {}).catch(
      (error: unknown) => {
        signal?.throwIfAborted()
        throw error
      },
    )
  },
}

export function startInterval(clock: Pick<Clock, 'timer'>, ms: number, fn: () => void): () => void {
  let cancel = (): void => undefined
  const arm = (): void => {
    cancel = clock.timer(ms, () => {
      arm()
      fn()
    })
  }
  arm()
  return () => cancel()
}

/** RFC 3339 with six digits after the second, the only form that `metav1.MicroTime` accepts. */
export const toMicroTime = (date: Date): string => date.toISOString().replace(/Z$/, '000Z')

/**
 * Backoff after a number of failures (1, 2, …). The limit is `base`·2^(failures-1), at most `max`. The result is random
 * between half the limit and the limit, so that clients that failed together do not retry together.
 */
export function backoffMs(failures: number, base: number, max: number, random: () => number = Math.random): number {
  const longest = Math.min(max, base * 2 ** Math.min(Math.max(failures - 1, 0), 40))
  return longest * (0.5 + random() / 2)
}
