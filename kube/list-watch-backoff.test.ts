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

describe('nextTurn', () => {
  it.each<[string, StepResult, number, 'watch' | 'list', number, number]>([
    ['a list is in: watch at once', { how: 'listed' }, 0, 'watch', 0, 0],
    ['a watch ended in its time: again at once', { how: 'ended', lastedMs: 45_000, progress: false }, 3, 'watch', 0, 0],
    ['a short watch with news: again at once', { how: 'ended', lastedMs: 5, progress: true }, 3, 'watch', 0, 0],
    ['a short watch without: wait', { how: 'ended', lastedMs: 5, progress: false }, 0, 'watch', 100, 200],
    ['silence: again at once', { how: 'silent' }, 0, 'watch', 0, 0],
    ['silence again: wait', { how: 'silent' }, 1, 'watch', 200, 400],
    ['unreachable: wait, keep the version', failed(0), 0, 'watch', 100, 200],
    ['410 as a status: list, spread over a second', failed(410, 'Expired'), 0, 'list', 0, 1_000],
    ['410 by its reason', failed(500, 'Expired'), 0, 'list', 0, 1_000],
    ['410 again and again: list ever later', failed(410, 'Expired'), 8, 'list', 0, 60_000],
    ['429 with Retry-After: not before', failed(429, 'TooManyRequests', 7_000), 0, 'watch', 7_000, 7_701],
    ['for ever failing: never more than 30 s', failed(503), 50, 'watch', 15_000, 30_000],
    ['a Retry-After of an hour: not believed', failed(503, '', 3_600_000), 0, 'watch', 30_000, 33_000],
    ['not an error of the API', { how: 'failed', error: new SyntaxError('<html>') }, 0, 'watch', 100, 200],
  ])('%s', (_, ending, failures, next, least, most) => {
    for (const random of [0, 0.5, 1]) {
      const turn = planNextStep(ending, { failures, rejections: 0 }, () => random)
      expect(turn.next).toBe(next)
      expect(turn.waitMs).toBeGreaterThanOrEqual(least)
      expect(turn.waitMs).toBeLessThanOrEqual(most)
    }
  })

  it('gives a version up that the server keeps refusing without saying 410', () => {
    let streak: FailureStreak = noFailures
    const turns = Array.from({ length: 6 }, () => {
      const turn = planNextStep(failed(504, 'Timeout'), streak, half)
      streak = turn.streak
      return turn.next
    })
    expect(turns).toEqual(['watch', 'watch', 'watch', 'watch', 'list', 'watch'])
  })

  it('keeps the version while nobody answers, and forgets failures only for a watch that works', () => {
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

it('a dead connection is noticed within 60 s', () => {
  for (const random of [0, 0.5, 0.999_999]) {
    expect(randomWatchSeconds(() => random) * 1000 + WATCH_GRACE_MS).toBeLessThanOrEqual(60_000)
  }
})
