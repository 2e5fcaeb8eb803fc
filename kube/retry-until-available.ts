// For what a process cannot begin without: asked of an API server that is away until it is back.
import { backoffMs, type Clock } from './clock.ts'
import { isForbidden, isTransient } from './errors.ts'
import type { Log } from './log.ts'

const BASE_MS = 500
const MAX_MS = 10_000

/**
 * Calls until it answers. A process that ended instead would be started again and again, each time later, and be late when the server is back.
 * 403 is asked again, too: an API server that has just started answers so until it has read its roles, and rights may be given after us.
 * Rejects with what trying again cannot help, and with the signal's reason.
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
      log.warn({ err, waitMs }, 'the API server does not answer, or does not let us in; it is asked again')
      await clock.sleep(waitMs, signal)
    }
  }
}
