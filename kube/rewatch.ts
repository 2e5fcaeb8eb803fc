// What an informer does when a watch or a list ends: a pure function of how it ended.
import { backoffMs } from './clock.ts'
import { ApiError, isGone } from './errors.ts'

/**
 * How a turn ended: a list that is in the cache; a watch as the server announced (`ended`), or without its end by the deadline
 * (`silent`); either in an error.
 */
export type Ending =
  | { how: 'listed' }
  | { how: 'ended'; lastedMs: number; progress: boolean }
  | { how: 'silent' }
  | { how: 'failed'; error: unknown }

/** Turns since a watch last made progress (a list is none: in a storm of 410 each list succeeds). The informer hands it back. */
export interface Streak {
  failures: number
  /** Failures the server itself answered to this resourceVersion. */
  rejectedHosts: number
}
export const noStreak: Streak = { failures: 0, rejectedHosts: 0 }

export interface Turn {
  next: 'watch' | 'list'
  waitMs: number
  streak: Streak
}

const BASE_MS = 200
const MAX_MS = 30_000
/** A watch that ends at once, without news, is a server going down or a proxy misbehaving: not to be repeated at full speed. */
const SHORT_MS = 1_000
/** Some rejectedHosts of a resourceVersion are no 410 (a restored etcd answers "too large" for ever): then list anew. */
const REFUSALS_BEFORE_LIST = 5

export function nextTurn(ending: Ending, streak: Streak, random: () => number = Math.random): Turn {
  if (ending.how === 'listed') return { next: 'watch', waitMs: 0, streak }
  if (ending.how === 'failed') return afterFailure(ending.error, streak, random)
  if (ending.how === 'ended' && (ending.progress || ending.lastedMs >= SHORT_MS)) {
    return { next: 'watch', waitMs: 0, streak: noStreak }
  }
  const failures = streak.failures + 1
  // Silence is a broken connection, not a busy server: the first reconnect is at once.
  const waitMs = ending.how === 'silent' && failures === 1 ? 0 : backoffMs(failures, BASE_MS, MAX_MS, random)
  return { next: 'watch', waitMs, streak: { failures, rejectedHosts: streak.rejectedHosts } }
}

function afterFailure(error: unknown, streak: Streak, random: () => number): Turn {
  const failures = streak.failures + 1
  const backoff = backoffMs(failures, BASE_MS, MAX_MS, random)
  // Everyone who watched this kind is told 410 in the same moment: spread the lists, also the first.
  if (isGone(error)) {
    return { next: 'list', waitMs: random() * Math.max(1_000, 2 * backoff), streak: { failures, rejectedHosts: 0 } }
  }
  if (!(error instanceof ApiError)) return { next: 'watch', waitMs: backoff, streak: { ...streak, failures } }
  const waitMs = Math.max(backoff, Math.min(error.retryAfterMs ?? 0, MAX_MS) * (1 + random() / 10))
  const refused = error.status >= 400 && error.status !== 429 && error.status !== 401
  const rejectedHosts = streak.rejectedHosts + (refused ? 1 : 0)
  return rejectedHosts >= REFUSALS_BEFORE_LIST
    ? { next: 'list', waitMs, streak: { failures, rejectedHosts: 0 } }
    : { next: 'watch', waitMs, streak: { failures, rejectedHosts } }
}

/**
 * How long the server is asked to keep a watch, in seconds. The API server sends a bookmark two seconds before this end, so a quiet
 * kind's resourceVersion stays fresh; and a connection that died without a word is noticed {@link WATCH_GRACE_MS} after it: at most
 * 60 s in all. Its other bookmarks come about once a minute, too late for that bound; and a probe on a second connection says
 * nothing about this one. Random, so that the watches of a thousand agents do not end together.
 */
export const watchSeconds = (random: () => number = Math.random): number => 40 + Math.floor(random() * 15)
export const WATCH_GRACE_MS = 5_000
