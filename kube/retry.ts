// Which failed calls are sent again, and after how long: a pure function of the failure, and the loop that goes by it.

import { backoffMs, type Clock } from './clock.ts'
import { ApiError } from './errors.ts'
import { CONNECT_TIMEOUT } from './pool.ts'

const TRIES = 6
/** A server that asks for more than this is better heard by the work queue, whose worker is then free. */
const LONGEST_WAIT = 15_000

/** Errors of making a connection: the request itself was never sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', CONNECT_TIMEOUT])

const wasNeverSent = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && NEVER_SENT.has(String(cause.code))

/** Requests that had no effect may be repeated whatever their verb; the others only if repeating has the effect of once. */
function isRepeatable(error: ApiError, idempotent: boolean, attempt: number): boolean {
  if (error.status === 429) return true // refused before any handler (priority and fairness)
  if (error.status === 401) return attempt === 1 // a token that had just been rotated
  if (error.status === 0) return idempotent || wasNeverSent(error.cause)
  return error.status >= 500 && idempotent
}

/** Milliseconds until try `attempt`+1, or undefined: give up. Retry-After is a lower bound. */
export function retryDelay(
  error: ApiError,
  idempotent: boolean,
  attempt: number,
  random: () => number = Math.random,
): number | undefined {
  if (attempt >= TRIES || !isRepeatable(error, idempotent, attempt)) return undefined
  if (error.status === 401) return 0
  const asked = error.retryAfterMs ?? 0
  return asked > LONGEST_WAIT ? undefined : Math.max(asked, backoffMs(attempt, 100, 5_000, random))
}

export interface RetryOptions {
  /** Repeating it has the effect of once. */
  idempotent: boolean
  /** On the clock: no try begins after it. */
  until: number
  /** The caller's: its reason is what is thrown once it has aborted. */
  signal?: AbortSignal | undefined
  clock: Pick<Clock, 'now'>
  wait(ms: number): Promise<void>
  onRetry?(error: ApiError): void
}

/** Calls `once` until it succeeds, or until it fails in a way that is not to be repeated. */
export async function callWithRetries<T>(once: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { idempotent, until, signal, clock } = options
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once()
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ApiError)) throw error
      const wait = retryDelay(error, idempotent, attempt)
      if (wait === undefined || clock.now() + wait >= until) throw error
      options.onRetry?.(error)
      await options.wait(wait)
    }
  }
}
