import { describe, expect, it, vi } from 'vitest'
import { type JobContext, Jobs } from './jobs.ts'

const KEY = 'image u1'

function newPendingWork() {
  const end = Promise.withResolvers<void>()
  const work = vi.fn(({ signal, report }: JobContext) => {
    signal.addEventListener('abort', () => end.reject(signal.reason))
    report('half done')
    return end.promise
  })
  return { ...end, work }
}

describe('Jobs.poll', () => {
  it('answers done when the work ends at once', async () => {
    const onEnd = vi.fn()
    expect(await new Jobs(onEnd).poll(KEY, 'uuid', async () => undefined)).toEqual({ done: true })
  })

  it('answers with the progress, joins the running job, and calls onEnd when it ends', async () => {
    const onEnd = vi.fn()
    const [jobs, { work, resolve }] = [new Jobs(onEnd), newPendingWork()]
    const running = { done: false, progress: 'half done', checkAfterMs: 5000 }
    expect(await jobs.poll(KEY, 'uuid', work)).toEqual(running)
    expect(await jobs.poll(KEY, 'uuid', work)).toEqual(running)
    expect([work.mock.calls.length, jobs.isRunning(KEY), onEnd.mock.calls]).toEqual([1, true, []])
    resolve()
    await vi.waitFor(() => expect(onEnd.mock.calls).toEqual([['uuid']]))
    expect(jobs.isRunning(KEY)).toBe(false)
  })

  it('throws the failure of the job once, then starts it anew', async () => {
    const [jobs, { work, reject }] = [new Jobs(() => undefined), newPendingWork()]
    await jobs.poll(KEY, 'uuid', work)
    reject(new Error('the source is gone'))
    await new Promise(setImmediate)
    await expect(jobs.poll(KEY, 'uuid', work)).rejects.toThrow('the source is gone')
    expect(await jobs.poll(KEY, 'uuid', async () => undefined)).toEqual({ done: true })
  })

  it('forgets a failure that no call has asked for in a minute', async () => {
    const [jobs, { work, reject }] = [new Jobs(() => undefined), newPendingWork()]
    await jobs.poll(KEY, 'uuid', work)
    reject(new Error('of an old request'))
    await new Promise(setImmediate)
    const later = performance.now() + 60_001
    const now = vi.spyOn(performance, 'now').mockReturnValue(later)
    expect(await jobs.poll(KEY, 'uuid', async () => undefined)).toEqual({ done: true })
    now.mockRestore()
  })

  it('keeps jobs of different keys apart', async () => {
    const [jobs, one] = [new Jobs(() => undefined), newPendingWork()]
    await jobs.poll(KEY, 'uuid', one.work)
    expect(await jobs.poll('image u2', 'other', async () => undefined)).toEqual({ done: true })
    await jobs.cancel(KEY)
  })
})

it('Jobs.cancel aborts the job, waits for its end, and reports no failure', async () => {
  const [jobs, { work }] = [new Jobs(() => undefined), newPendingWork()]
  await jobs.poll(KEY, 'uuid', work)
  await jobs.cancel(KEY)
  expect(work.mock.calls[0]?.[0].signal.aborted).toBe(true)
  expect(await jobs.poll(KEY, 'uuid', async () => undefined)).toEqual({ done: true })
})

it('Jobs aborts all jobs when it is disposed', async () => {
  const [jobs, { work }] = [new Jobs(() => undefined), newPendingWork()]
  await jobs.poll(KEY, 'uuid', work)
  await jobs[Symbol.asyncDispose]()
  expect(work.mock.calls[0]?.[0].signal.aborted).toBe(true)
  expect(jobs.isRunning(KEY)).toBe(false)
})
