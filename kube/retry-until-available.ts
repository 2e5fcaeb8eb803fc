// While the API server is unavailable, repeats the calls that a process needs at its start.
import { backoffMs, type Clock } from './clock.ts'
import { isForbidden, isTransient } from './errors.ts'
import type { Log } from './log.ts'

const BASE_MS = 500
const MAX_MS = 10_000

/**
 * Repeats `call` until the API server answers. A process that exited instead would lose time: kubelet restarts it only
 * after a growing delay, although the API server may be back already. 403 is retried for two reasons: an API server
 * that has just started answers 403 until it has read its roles, and the roles may be created only after this process
 * has started. Rejects with any other error and with the signal's reason.
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
      if (!isTransient(err) && !isForbidden(err)) throw err
      const waitMs = backoffMs(failures, BASE_MS, MAX_MS)
      log.warn({ err, waitMs }, 'the API server is unavailable or denies access, retrying')
      await clock.sleep(waitMs, signal)
    }
  }
}
