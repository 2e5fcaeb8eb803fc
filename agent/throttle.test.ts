import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { noLog } from '../kube/log.ts'
import { throttle } from './throttle.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A throttle of 100 ms whose passes end when told to. */
function throttled() {
  const [passed, ends]: [string[], PromiseWithResolvers<void>[]] = [[], []]
  const warnings: object[] = []
  const pass = (message: string): Promise<void> => {
    passed.push(message)
    const end = Promise.withResolvers<void>()
    ends.push(end)
    return end.promise
  }
  const log = { ...noLog, warn: (fields: object) => void warnings.push(fields) }
  return { throttled: throttle(100, pass, log), passed, ends, warnings }
}

describe('throttle', () => {
  it('passes nothing on before its time, for what is over quickly needs no word', () => {
    const { throttled: t, passed } = throttled()
    t.call('a')
    vi.advanceTimersByTime(99)
    t.call('b')
    expect(passed).toEqual([])
    vi.advanceTimersByTime(1)
    t.call('c')
    expect(passed).toEqual(['c'])
  })

  it('passes one on per time, and never two at once', async () => {
    const { throttled: t, passed, ends } = throttled()
    vi.advanceTimersByTime(100)
    t.call('a')
    t.call('b')
    vi.advanceTimersByTime(500)
    t.call('c')
    expect(passed).toEqual(['a'])
    ends[0]!.resolve()
    await vi.advanceTimersByTimeAsync(0)
    t.call('d')
    expect(passed).toEqual(['a', 'd'])
  })

  it('what could not be passed on is logged, and the next is', async () => {
    const { throttled: t, passed, ends, warnings } = throttled()
    vi.advanceTimersByTime(100)
    t.call('a')
    ends[0]!.reject(new Error('the API server is away'))
    await vi.advanceTimersByTimeAsync(100)
    t.call('b')
    expect(passed).toEqual(['a', 'b'])
    expect(warnings).toHaveLength(1)
  })

  it('end waits for the one under way, and passes on no other', async () => {
    const { throttled: t, passed, ends } = throttled()
    vi.advanceTimersByTime(100)
    t.call('a')
    let ended = false
    const end = t.end().then(() => (ended = true))
    vi.advanceTimersByTime(1000)
    t.call('b')
    await vi.advanceTimersByTimeAsync(0)
    expect(ended).toBe(false)
    ends[0]!.resolve()
    await end
    expect(passed).toEqual(['a'])
  })
})
