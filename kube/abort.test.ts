import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { createAbortScope } from './abort.ts'

it('aborts with whichever parent aborts first, and keeps its reason', () => {
  const [one, two] = [new AbortController(), new AbortController()]
  using scope = createAbortScope([one.signal, undefined, two.signal])
  two.abort('two')
  one.abort('one')
  expect(scope.signal.reason).toBe('two')
  using late = createAbortScope([one.signal])
  expect(late.signal.reason).toBe('one')
})

it('aborts at its deadline', async () => {
  using scope = createAbortScope([], 1.5)
  await new Promise((resolve) => scope.signal.addEventListener('abort', resolve))
  expect(scope.signal.reason).toMatchObject({ name: 'TimeoutError', message: 'not done in 1.5 ms' })
})

it('leaves nothing with its parents', () => {
  const parent = new AbortController()
  {
    using scope = createAbortScope([parent.signal], 60_000)
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1)
    expect(scope.signal.aborted).toBe(false)
  }
  expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0)
})
