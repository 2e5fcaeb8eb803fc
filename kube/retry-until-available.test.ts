import { expect, it } from 'vitest'
import { ApiError } from './errors.ts'
import { noLog } from './log.ts'
import { retryUntilAvailable } from './retry-until-available.ts'
import { FakeClock } from './testing/fake-clock.ts'

const failing = (status: number) => new ApiError({ request: 'GET /x', status })

function callWithAnswers(answers: (number | string)[], signal = new AbortController().signal) {
  const clock = new FakeClock()
  let calls = 0
  const call = async (): Promise<string> => {
    const answer = answers[calls++] ?? 'none'
    if (typeof answer === 'number') throw failing(answer)
    return answer
  }
  return { clock, calls: () => calls, result: retryUntilAvailable(call, { clock, log: noLog, signal }) }
}

it('retryUntilAvailable repeats the call until it succeeds', async () => {
  const { clock, calls, result } = callWithAnswers([0, 503, 429, 403, 'here'])
  await clock.advance(60_000)
  expect(await result).toBe('here')
  expect(calls()).toBe(5)
})

it('retryUntilAvailable repeats the call at least every ten seconds during a long outage', async () => {
  const { clock, calls, result } = callWithAnswers(Array.from({ length: 1000 }, () => 0))
  result.catch(() => undefined)
  await clock.advance(60_000)
  const before = calls()
  await clock.advance(60_000)
  expect(calls() - before).toBeGreaterThanOrEqual(6)
})

it.each([401, 404, 409, 422])('retryUntilAvailable rejects at once when the server answers %i', async (status) => {
  const { calls, result } = callWithAnswers([status, 'here'])
  await expect(result).rejects.toMatchObject({ status })
  expect(calls()).toBe(1)
})

it('retryUntilAvailable rejects with the reason of its signal', async () => {
  const stop = new AbortController()
  const { clock, result } = callWithAnswers([0, 0, 0], stop.signal)
  result.catch(() => undefined)
  await clock.advance(100)
  stop.abort(new Error('enough'))
  await expect(result).rejects.toThrow('enough')
})
