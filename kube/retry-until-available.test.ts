import { expect, it } from 'vitest'
import { ApiError } from './errors.ts'
import { noLog } from './log.ts'
import { retryUntilAvailable } from './retry-until-available.ts'
import { FakeClock } from './testing/fake-clock.ts'

const failing = (status: number) => new ApiError({ request: 'GET /x', status, body: { details: { name: 'x' } } })

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

it('retryUntilAvailable repeats the call while the API server does not know the kind', async () => {
  const answers = [new ApiError({ request: 'GET /apis/x/v1/ys', status: 404 }), undefined]
  const messages: string[] = []
  const log = { ...noLog, warn: (_: object, message: string) => void messages.push(message) }
  const clock = new FakeClock()
  const call = async (): Promise<void> => {
    const answer = answers.shift()
    if (answer) throw answer
  }
  const result = retryUntilAvailable(call, { clock, log, signal: new AbortController().signal })
  await clock.advance(60_000)
  await result
  expect(messages).toEqual(['the API server does not know the kind: apply its CustomResourceDefinition; retrying'])
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
