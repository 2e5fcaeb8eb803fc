// Time as a port: monotonic for durations (a wall clock may jump), wall time only for what is written into objects.
import { setTimeout as delay } from 'node:timers/promises'

export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** What other machines call the time. */
  wall(): Date
  /** Calls `fn` once after `ms`; the returned function cancels it. Never keeps the process alive. */
  timer(ms: number, fn: () => void): () => void
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** setTimeout fires at once above 2^31-1 ms: longer waits are cut to this (24 days) and simply fire early. */
const LONGEST = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  timer(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), LONGEST)).unref()
    return () => clearTimeout(timer)
  },
  async sleep(ms, signal) {
    await delay(Math.min(Math.max(ms, 0), LONGEST), undefined, signal ? { signal } : {}).catch((error: unknown) => {
      signal?.throwIfAborted()
      throw error
    })
  },
}

/** Calls `fn` every `ms` until the returned function is called; the first time after `ms`. */
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

/** `RFC 3339` with six digits, the only form `metav1.MicroTime` accepts. */
export const toMicroTime = (at: Date): string => at.toISOString().replace(/Z$/, '000Z')

/**
 * The wait before try number `failures` (1, 2, …): `base`·2^(failures-1), at most `max`, drawn from its upper half so that
 * clients that failed together do not come back together.
 */
export function backoffMs(failures: number, base: number, max: number, random: () => number = Math.random): number {
  const full = Math.min(max, base * 2 ** Math.min(Math.max(failures - 1, 0), 40))
  return full * (0.5 + random() / 2)
}
