import { describe, expect, it } from 'vitest'
import { ApiError } from './errors.ts'
import {
  type FailureStreak,
  noFailures,
  planNextStep,
  randomWatchSeconds,
  type StepResult,
  WATCH_GRACE_MS,
} from './list-watch-backoff.ts'

const failed = (status: number, reason = '', retryAfterMs?: number): StepResult => ({
  how: 'failed',
  error: new ApiError({ request: 'WATCH', status, body: { reason }, retryAfterMs }),
})
const half = (): number => 0.5

describe('planNextStep', () => {
  it.each<[string, StepResult, number, 'watch' | 'list', number, number]>([
    ['watches at once after a list', { how: 'listed' }, 0, 'watch', 0, 0],
    [
      'watches again at once when the server ended the watch',
      { how: 'ended', lastedMs: 45_000, progress: false },
      3,
      'watch',
      0,
      0,
    ],
    [
      'watches again at once after a short watch with events',
      { how: 'ended', lastedMs: 5, progress: true },
      3,
      'watch',
      0,
      0,
    ],
    ['waits after a short watch without events', { how: 'ended', lastedMs: 5, progress: false }, 0, 'watch', 100, 200],
    ['watches again at once after a first silent watch', { how: 'silent' }, 0, 'watch', 0, 0],
    ['waits after a second silent watch', { how: 'silent' }, 1, 'watch', 200, 400],
    ['waits and keeps the version when the server is unreachable', failed(0), 0, 'watch', 100, 200],
    ['lists within a second after a 410 status', failed(410, 'Expired'), 0, 'list', 0, 1_000],
    ['lists within a second after the reason Expired', failed(500, 'Expired'), 0, 'list', 0, 1_000],
    ['waits up to a minute before the list after many 410s', failed(410, 'Expired'), 8, 'list', 0, 60_000],
    ['waits for Retry-After after a 429', failed(429, 'TooManyRequests', 7_000), 0, 'watch', 7_000, 7_701],
    ['waits at most 30 s after many failures', failed(503), 50, 'watch', 15_000, 30_000],
    ['waits 30 s when Retry-After is an hour', failed(503, '', 3_600_000), 0, 'watch', 30_000, 33_000],
    [
      'waits after an error that is not of the API',
      { how: 'failed', error: new SyntaxError('<html>') },
      0,
      'watch',
      100,
      200,
    ],
  ])('%s', (_, ending, failures, next, least, most) => {
    for (const random of [0, 0.5, 1]) {
      const turn = planNextStep(ending, { failures, rejections: 0 }, () => random)
      expect(turn.next).toBe(next)
      expect(turn.waitMs).toBeGreaterThanOrEqual(least)
      expect(turn.waitMs).toBeLessThanOrEqual(most)
    }
  })

  it('lists anew when the server keeps rejecting a version without a 410', () => {
    let streak: FailureStreak = noFailures
    const turns = Array.from({ length: 6 }, () => {
      const turn = planNextStep(failed(504, 'Timeout'), streak, half)
      streak = turn.streak
      return turn.next
    })
    expect(turns).toEqual(['watch', 'watch', 'watch', 'watch', 'list', 'watch'])
  })

  it('keeps the version while the server is unreachable, and resets the streak only after a watch that works', () => {
    let streak: FailureStreak = noFailures
    for (let i = 0; i < 20; i += 1) {
      const turn = planNextStep(failed(0), streak, half)
      expect(turn.next).toBe('watch')
      streak = turn.streak
    }
    expect(planNextStep({ how: 'listed' }, streak, half).streak).toEqual(streak)
    expect(planNextStep({ how: 'ended', lastedMs: 40_000, progress: false }, streak, half).streak).toEqual(noFailures)
  })
})

it('randomWatchSeconds and the grace together are at most 60 s', () => {
  for (const random of [0, 0.5, 0.999_999]) {
    expect(randomWatchSeconds(() => random) * 1000 + WATCH_GRACE_MS).toBeLessThanOrEqual(60_000)
  }
})
