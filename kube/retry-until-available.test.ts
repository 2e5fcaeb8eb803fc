import { expect, it } from 'vitest'
import { ApiError } from './errors.ts'
import { noLog } from './log.ts'
import { retryUntilAvailable } from './retry-until-available.ts'
import { FakeClock } from './testing/fake-clock.ts'

const failing = (status: number) => new ApiError({ request: 'GET /x', status })

function asked(answers: (number | string)[], signal = new AbortController().signal) {
  const clock = new FakeClock()
  let calls = 0
  const call = async (): Promise<string> => {
    const answer = answers[calls++] ?? 'none'
    if (typeof answer === 'number') throw failing(answer)
    return answer
  }
  return { clock, calls: () => calls, result: retryUntilAvailable(call, { clock, log: noLog, signal }) }
}

it('asks until the server answers, and then no more', async () => {
  const { clock, calls, result } = asked([0, 503, 429, 403, 'here'])
  await clock.advance(60_000)
  expect(await result).toBe('here')
  expect(calls()).toBe(5)
})

it('asks a server that is away for long at least every ten seconds', async () => {
  const { clock, calls, result } = asked(Array.from({ length: 1000 }, () => 0))
  result.catch(() => undefined)
  await clock.advance(60_000)
  const before = calls()
  await clock.advance(60_000)
  expect(calls() - before).toBeGreaterThanOrEqual(6)
})

it.each([401, 404, 409, 422])('does not ask again what is answered by %i', async (status) => {
  const { calls, result } = asked([status, 'here'])
  await expect(result).rejects.toMatchObject({ status })
  expect(calls()).toBe(1)
})

it('ends when it is told to', async () => {
  const stop = new AbortController()
  const { clock, result } = asked([0, 0, 0], stop.signal)
  result.catch(() => undefined)
  await clock.advance(100)
  stop.abort(new Error('enough'))
  await expect(result).rejects.toThrow('enough')
})
