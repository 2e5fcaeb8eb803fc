// Decides what an informer does next when a watch or a list has ended: a pure function of how it ended.
import { backoffMs } from './clock.ts'
import { ApiError, isGone } from './errors.ts'

/**
 * How a list or a watch ended. `listed`: the list is in the cache. `ended`: the server ended the watch. `silent`: the
 * server did not end the watch by its deadline. `failed`: the list or the watch threw an error.
 */
export type StepResult =
  | { how: 'listed' }
  | { how: 'ended'; lastedMs: number; progress: boolean }
  | { how: 'silent' }
  | { how: 'failed'; error: unknown }

/**
 * The failures since a watch last made progress. The backoff grows with them. A successful list does not count as
 * progress: while every watch fails with 410, each list in between succeeds, so the backoff would never grow.
 */
export interface FailureStreak {
  failures: number
  /** Number of failures in which the server answered and rejected the resourceVersion. */
  rejections: number
}
export const noFailures: FailureStreak = { failures: 0, rejections: 0 }

export interface NextStep {
  next: 'watch' | 'list'
  waitMs: number
  streak: FailureStreak
}

const BASE_MS = 200
const MAX_MS = 30_000
/**
 * A watch without events that ends in less than this many ms counts as a failure: the server is shutting down or a
 * proxy misbehaves.
 */
const SHORT_WATCH_MS = 1_000
/**
 * After this many rejections, the objects are listed again, as after a 410. The API server does not answer every
 * invalid version with 410: after a restore of etcd it answers "too large resource version" again and again.
 */
const REJECTIONS_BEFORE_LIST = 5

export function planNextStep(result: StepResult, streak: FailureStreak, random: () => number = Math.random): NextStep {
  if (result.how === 'listed') return { next: 'watch', waitMs: 0, streak }
  if (result.how === 'failed') return planAfterFailure(result.error, streak, random)
  if (result.how === 'ended' && (result.progress || result.lastedMs >= SHORT_WATCH_MS)) {
    return { next: 'watch', waitMs: 0, streak: noFailures }
  }
  const failures = streak.failures + 1
  // A silent watch means a broken connection, not a busy server, so the first reconnect is immediate.
  const waitMs = result.how === 'silent' && failures === 1 ? 0 : backoffMs(failures, BASE_MS, MAX_MS, random)
  return { next: 'watch', waitMs, streak: { failures, rejections: streak.rejections } }
}

function planAfterFailure(error: unknown, streak: FailureStreak, random: () => number): NextStep {
  const failures = streak.failures + 1
  const backoff = backoffMs(failures, BASE_MS, MAX_MS, random)
  // The API server sends 410 to all watchers of a kind at the same moment. Even the first list waits for a random time,
  // so that they do not all list at once.
  if (isGone(error)) {
    return { next: 'list', waitMs: random() * Math.max(1_000, 2 * backoff), streak: { failures, rejections: 0 } }
  }
  if (!(error instanceof ApiError)) return { next: 'watch', waitMs: backoff, streak: { ...streak, failures } }
  const waitMs = Math.max(backoff, Math.min(error.retryAfterMs ?? 0, MAX_MS) * (1 + random() / 10))
  const isRejected = error.status >= 400 && error.status !== 429 && error.status !== 401
  const rejections = streak.rejections + (isRejected ? 1 : 0)
  return rejections >= REJECTIONS_BEFORE_LIST
    ? { next: 'list', waitMs, streak: { failures, rejections: 0 } }
    : { next: 'watch', waitMs, streak: { failures, rejections } }
}

/**
 * How many seconds the API server is asked to keep a watch open. The number is random, so that the watches of a
 * thousand agents do not end together.
 *
 * Two seconds before the end, the API server sends a bookmark, which raises the resourceVersion even if no object
 * changes. The regular bookmarks come only about once a minute, so most watches would end without one.
 *
 * A connection that died silently is noticed {@link WATCH_GRACE_MS} after the watch should have ended, so within 60 s.
 */
export const randomWatchSeconds = (random: () => number = Math.random): number => 40 + Math.floor(random() * 15)
export const WATCH_GRACE_MS = 5_000
