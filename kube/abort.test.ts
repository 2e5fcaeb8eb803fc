import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { createAbortScope, rejectOnAbort } from './abort.ts'

it('createAbortScope aborts with the reason of the parent that aborts first', () => {
  const [one, two] = [new AbortController(), new AbortController()]
  using scope = createAbortScope([one.signal, undefined, two.signal])
  two.abort('two')
  one.abort('one')
  expect(scope.signal.reason).toBe('two')
  using late = createAbortScope([one.signal])
  expect(late.signal.reason).toBe('one')
})

it('createAbortScope aborts with a TimeoutError at its deadline', async () => {
  using scope = createAbortScope([], 1.5)
  await new Promise((resolve) => scope.signal.addEventListener('abort', resolve))
  expect(scope.signal.reason).toMatchObject({ name: 'TimeoutError', message: 'not done in 1.5 ms' })
})

it('createAbortScope removes its listener from the parent when the scope ends', () => {
  const parent = new AbortController()
  {
    using scope = createAbortScope([parent.signal], 60_000)
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1)
    expect(scope.signal.aborted).toBe(false)
  }
  expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0)
})

it('rejectOnAbort rejects with the reason of the signal, and removes its listener', async () => {
  const stop = new AbortController()
  expect(await rejectOnAbort(Promise.resolve(1), stop.signal)).toBe(1)
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0)
  const waiting = rejectOnAbort(new Promise<never>(() => undefined), stop.signal)
  stop.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0)
})
