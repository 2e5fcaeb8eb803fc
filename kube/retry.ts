// Which failed calls are sent again, and after how long: a pure function of the failure.

import { backoffMs } from './clock.ts'
import type { ApiError } from './errors.ts'

const TRIES = 6
/** A server that asks for more than this is better heard by the work queue, whose worker is then free. */
const LONGEST_WAIT = 15_000

/** Errors of making a connection: the request itself was never sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

const neverSent = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && NEVER_SENT.has(String(cause.code))

/** Requests that had no effect may be repeated whatever their verb; the others only if repeating has the effect of once. */
function mayRepeat(error: ApiError, idempotent: boolean, attempt: number): boolean {
  if (error.status === 429) return true // refused before any handler (priority and fairness)
  if (error.status === 401) return attempt === 1 // a token that had just been rotated
  if (error.status === 0) return idempotent || neverSent(error.cause)
  return error.status >= 500 && idempotent
}

/** Milliseconds until try `attempt`+1, or undefined: give up. Retry-After is a lower bound. */
export function retryIn(
  error: ApiError,
  idempotent: boolean,
  attempt: number,
  random: () => number = Math.random,
): number | undefined {
  if (attempt >= TRIES || !mayRepeat(error, idempotent, attempt)) return undefined
  if (error.status === 401) return 0
  const asked = error.retryAfterMs ?? 0
  return asked > LONGEST_WAIT ? undefined : Math.max(asked, backoffMs(attempt, 100, 5_000, random))
}
