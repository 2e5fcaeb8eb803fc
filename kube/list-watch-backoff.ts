// What an informer does when a watch or a list ends: a pure function of how it ended.
import { backoffMs } from './clock.ts'
import { ApiError, isGone } from './errors.ts'

/**
 * How a turn ended: a list that is in the cache; a watch as the server announced (`ended`), or without its end by the deadline
 * (`silent`); either in an error.
 */
export type StepResult =
  | { how: 'listed' }
  | { how: 'ended'; lastedMs: number; progress: boolean }
  | { how: 'silent' }
  | { how: 'failed'; error: unknown }

/** Turns since a watch last made progress (a list is none: in a storm of 410 each list succeeds). The informer hands it back. */
export interface FailureStreak {
  failures: number
  /** Failures the server itself answered to this resourceVersion. */
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
/** A watch that ends at once, without news, is a server going down or a proxy misbehaving: not to be repeated at full speed. */
const SHORT_MS = 1_000
/** Some rejectedHosts of a resourceVersion are no 410 (a restored etcd answers "too large" for ever): then list anew. */
const REJECTIONS_BEFORE_LIST = 5

export function planNextStep(ending: StepResult, streak: FailureStreak, random: () => number = Math.random): NextStep {
  if (ending.how === 'listed') return { next: 'watch', waitMs: 0, streak }
  if (ending.how === 'failed') return planAfterFailure(ending.error, streak, random)
  if (ending.how === 'ended' && (ending.progress || ending.lastedMs >= SHORT_MS)) {
    return { next: 'watch', waitMs: 0, streak: noFailures }
  }
  const failures = streak.failures + 1
  // Silence is a broken connection, not a busy server: the first reconnect is at once.
  const waitMs = ending.how === 'silent' && failures === 1 ? 0 : backoffMs(failures, BASE_MS, MAX_MS, random)
  return { next: 'watch', waitMs, streak: { failures, rejections: streak.rejections } }
}

function planAfterFailure(error: unknown, streak: FailureStreak, random: () => number): NextStep {
  const failures = streak.failures + 1
  const backoff = backoffMs(failures, BASE_MS, MAX_MS, random)
  // Everyone who watched this kind is told 410 in the same moment: spread the lists, also the first.
  if (isGone(error)) {
    return { next: 'list', waitMs: random() * Math.max(1_000, 2 * backoff), streak: { failures, rejections: 0 } }
  }
  if (!(error instanceof ApiError)) return { next: 'watch', waitMs: backoff, streak: { ...streak, failures } }
  const waitMs = Math.max(backoff, Math.min(error.retryAfterMs ?? 0, MAX_MS) * (1 + random() / 10))
  const refused = error.status >= 400 && error.status !== 429 && error.status !== 401
  const rejectedHosts = streak.rejections + (refused ? 1 : 0)
  return rejectedHosts >= REJECTIONS_BEFORE_LIST
    ? { next: 'list', waitMs, streak: { failures, rejections: 0 } }
    : { next: 'watch', waitMs, streak: { failures, rejections: rejectedHosts } }
}

/**
 * How long the server is asked to keep a watch, in seconds. The API server sends a bookmark two seconds before this end, so a quiet
 * kind's resourceVersion stays fresh; and a connection that died without a word is noticed {@link WATCH_GRACE_MS} after it: at most
 * 60 s in all. Its other bookmarks come about once a minute, too late for that bound; and a probe on a second connection says
 * nothing about this one. Random, so that the watches of a thousand agents do not end together.
 */
export const randomWatchSeconds = (random: () => number = Math.random): number => 40 + Math.floor(random() * 15)
export const WATCH_GRACE_MS = 5_000
