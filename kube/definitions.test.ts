import { expect, it } from 'vitest'
import type { Kube } from './client.ts'
import { definitionReader } from './definitions.ts'
import { ApiError } from './errors.ts'
import { noLog } from './log.ts'
import { FakeClock } from './testing/fake-clock.ts'

const definition = { metadata: { name: 'servers.compute.kubenova.io' } }

/** Reads a definition while the API server gives these answers, and then no others. */
async function readWithAnswers(...answers: (number | object)[]): Promise<unknown> {
  const clock = new FakeClock()
  const get = async (): Promise<object> => {
    const answer = answers.shift() ?? 500
    if (typeof answer === 'object') return answer
    throw new ApiError({
      request: 'GET /x',
      status: answer,
      body: { details: { name: 'servers.compute.kubenova.io' } },
    })
  }
  const kube = { clock, resource: () => ({ get }) } as unknown as Kube
  const read = definitionReader(kube, noLog, new AbortController().signal)
  const result = read('servers.compute.kubenova.io')
  await clock.advance(120_000)
  return result
}

it('reads the definition when the API server first answers 403 and 503', async () => {
  expect(await readWithAnswers(403, 503, 403, 403, definition)).toBe(definition)
})

it('reports `forbidden` when the API server answers 403 five times', async () => {
  expect(await readWithAnswers(403, 403, 403, 403, 403)).toBe('forbidden')
})

it('returns undefined when the definition does not exist', async () => {
  expect(await readWithAnswers(404)).toBeUndefined()
})
