import { backoffMs, type Clock } from './clock.ts'
import { ApiError } from './errors.ts'
import { CONNECT_TIMEOUT } from './pool.ts'

const MAX_ATTEMPTS = 6
/**
 * If the server's Retry-After is longer, the call fails at once, and the caller's work queue can retry later without
 * blocking a worker.
 */
const MAX_WAIT_MS = 15_000

/** Errors while a connection is opened: the request was not sent. */
const CONNECT_ERRORS = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  CONNECT_TIMEOUT,
])

const wasNeverSent = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && CONNECT_ERRORS.has(String(cause.code))

/** Any verb is safe to repeat if the server has not processed the request; otherwise only an idempotent request is. */
function isRepeatable(error: ApiError, idempotent: boolean, attempt: number): boolean {
  if (error.status === 429) return true // rejected by API priority and fairness, before any handler saw it
  if (error.status === 401) return attempt === 1 // the token may just have been rotated
  if (error.status === 0) return idempotent || wasNeverSent(error.cause)
  return error.status >= 500 && idempotent
}

/**
 * Milliseconds to wait, at least those of Retry-After. Undefined: do not retry. `attempt` is the number of the failed
 * attempt, counted from 1.
 */
export function retryDelay(
  error: ApiError,
  idempotent: boolean,
  attempt: number,
  random: () => number = Math.random,
): number | undefined {
  if (attempt >= MAX_ATTEMPTS || !isRepeatable(error, idempotent, attempt)) return undefined
  if (error.status === 401) return 0
  const retryAfterMs = error.retryAfterMs ?? 0
  return retryAfterMs > MAX_WAIT_MS ? undefined : Math.max(retryAfterMs, backoffMs(attempt, 100, 5_000, random))
}

export interface RetryOptions {
  /** true: sending the request twice has the same effect as sending it once. */
  idempotent: boolean
  /**
   * The time on `clock`, in ms, at which a retry must have begun. If the wait would reach it, the last error is thrown.
   */
  deadline: number
  /** If a call fails after the signal has aborted, the signal's reason is thrown. */
  signal?: AbortSignal | undefined
  clock: Pick<Clock, 'now'>
  wait(ms: number): Promise<void>
  onRetry?(error: ApiError): void
}

export async function callWithRetries<T>(send: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { idempotent, deadline, signal, clock } = options
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send()
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ApiError)) throw error
      const delay = retryDelay(error, idempotent, attempt)
      if (delay === undefined || clock.now() + delay >= deadline) throw error
      options.onRetry?.(error)
      await options.wait(delay)
    }
  }
}
