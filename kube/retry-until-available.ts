import { backoffMs, type Clock } from './clock.ts'
import { describeFailure, isForbidden, isKindMissing, isTransient } from './errors.ts'
import type { Log } from './log.ts'

const BASE_MS = 500
const MAX_MS = 10_000

/**
 * Repeats `call` until the API server answers. Exiting would lose time, because kubelet restarts a process after a
 * growing delay. 403 is retried, too: an API server that has just started answers 403 until it has read its roles, and
 * roles may be created later than the process, as may the CustomResourceDefinition of the kind. Rejects with any other
 * error and with the signal's reason.
 */
export async function retryUntilAvailable<T>(
  call: () => Promise<T>,
  { clock, log, signal }: { clock: Clock; log: Log; signal: AbortSignal },
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await call()
    } catch (err) {
      signal.throwIfAborted()
      if (!isTransient(err) && !isForbidden(err) && !isKindMissing(err)) throw err
      const waitMs = backoffMs(failures, BASE_MS, MAX_MS)
      log.warn({ err, waitMs }, `${describeFailure(err)}; retrying`)
      await clock.sleep(waitMs, signal)
    }
  }
}
