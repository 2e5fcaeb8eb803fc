// A pure function decides what an informer does when a watch or a list has ended.
import { backoffMs } from './clock.ts'
import { ApiError, isGone } from './errors.ts'

/** `silent`: the server did not end the watch by its deadline. */
export type StepResult =
  | { how: 'listed' }
  | { how: 'ended'; lastedMs: number; progress: boolean }
  | { how: 'silent' }
  | { how: 'failed'; error: unknown }

/**
 * Failures since a watch last made progress; the backoff grows with them. A list is no progress: while every watch
 * fails with 410, the lists in between succeed, and the backoff would never grow.
 */
export interface FailureStreak {
  failures: number
  /** Failures in which the server answered and rejected the resourceVersion. */
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
/** A watch without events that ends sooner counts as a failure: the server is shutting down or a proxy misbehaves. */
const SHORT_WATCH_MS = 1_000
/**
 * After this many rejections, the objects are listed again. The API server does not answer every invalid version with
 * 410: after a restore of etcd it only repeats "too large resource version".
 */
const REJECTIONS_BEFORE_LIST = 5

export function planNextStep(result: StepResult, streak: FailureStreak, random: () => number = Math.random): NextStep {
  if (result.how === 'listed') return { next: 'watch', waitMs: 0, streak }
  if (result.how === 'failed') return planAfterFailure(result.error, streak, random)
  if (result.how === 'ended' && (result.progress || result.lastedMs >= SHORT_WATCH_MS)) {
    return { next: 'watch', waitMs: 0, streak: noFailures }
  }
  const failures = streak.failures + 1
  // A silent watch means a broken connection, not a busy server, so reconnect at once.
  const waitMs = result.how === 'silent' && failures === 1 ? 0 : backoffMs(failures, BASE_MS, MAX_MS, random)
  return { next: 'watch', waitMs, streak: { failures, rejections: streak.rejections } }
}

function planAfterFailure(error: unknown, streak: FailureStreak, random: () => number): NextStep {
  const failures = streak.failures + 1
  const backoff = backoffMs(failures, BASE_MS, MAX_MS, random)
  // The API server sends 410 to all watchers of a kind at the same moment, so they must not all list at once.
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
 * Random, so that the watches of a thousand agents do not end together. At most 54 s, so that with {@link
 * WATCH_GRACE_MS} a dead connection is noticed within 60 s.
 *
 * Two seconds before the end, the API server sends a bookmark, which raises the resourceVersion. Regular bookmarks come
 * only about once a minute, so most watches would end without one.
 */
export const randomWatchSeconds = (random: () => number = Math.random): number => 40 + Math.floor(random() * 15)
export const WATCH_GRACE_MS = 5_000
