/** Passes on the latest of many calls, not more often than every so many milliseconds: for progress that is written to the API. */
import type { Log } from '../kube/log.ts'

export interface Throttled {
  call(message: string): void
  /** Waits for a call under way; nothing is passed on after it. */
  end(): Promise<void>
}

export function throttle(everyMs: number, pass: (message: string) => Promise<void>, log: Log): Throttled {
  let last = performance.now()
  let under: Promise<void> | undefined
  let ended = false
  return {
    call(message) {
      if (ended || under || performance.now() - last < everyMs) return
      last = performance.now()
      under = pass(message)
        .catch((err: unknown) => log.warn({ err }, 'progress was not written'))
        .finally(() => {
          under = undefined
        })
    },
    async end() {
      ended = true
      await under
    },
  }
}
