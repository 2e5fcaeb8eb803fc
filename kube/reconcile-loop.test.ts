import { describe, expect, it } from 'vitest'
import { ApiError } from './errors.ts'
import { createMetrics } from './metrics.ts'
import { changed, done, failed, mergeOutcomes, type Outcome, wait } from './outcome.ts'
import { WorkQueue } from './queue.ts'
import { type ReconcileContext, runReconcileLoop } from './reconcile-loop.ts'
import { FakeClock, flushPromises } from './testing/fake-clock.ts'

type Answer = Outcome | undefined | Error | ((context: ReconcileContext) => Promise<Outcome>)

/**
 * The reconcile function returns or throws these answers in turn, then returns `done`. `asked` has an entry
 * `key@time#attempt` for each call.
 */
function loop(answers: Answer[], more: { concurrency?: number; timeoutMs?: number; drainMs?: number } = {}) {
  const clock = new FakeClock()
  const metrics = createMetrics()
  const queue = new WorkQueue({ name: 'q', clock, random: () => 1 })
  const stop = new AbortController()
  const asked: string[] = []
  const reconcile = async (key: string, context: ReconcileContext): Promise<Outcome | undefined> => {
    asked.push(`${key}@${clock.now()}#${context.attempt}`)
    const answer = answers.length > 0 ? answers.shift() : done
    if (answer instanceof Error) throw answer
    return typeof answer === 'function' ? answer(context) : answer
  }
  const ended = runReconcileLoop({ name: 'c', queue, reconcile, metrics, clock, ...more }, stop.signal)
  const count = (name: string, labels = {}): Promise<number> =>
    metrics.value(`controller_runtime_${name}`, { controller: 'c', ...labels })
  return { clock, queue, stop, asked, ended, count }
}

describe('runReconcileLoop', () => {
  it.each<[string, Answer[], string[], string]>([
    ['done: no more', [done], ['k@0#1'], 'success'],
    ['nothing said: done', [undefined], ['k@0#1'], 'success'],
    ['reconciles again after recheckAfter', [wait('agent', 5_000)], ['k@0#1', 'k@5000#1'], 'requeue_after'],
    ['does not reconcile again after a wait without recheckAfter', [wait('agent')], ['k@0#1'], 'success'],
    ['changed: at once', [changed], ['k@0#1', 'k@0#1'], 'requeue'],
    ['failed: no more', [failed('NoHost', 'no host fits')], ['k@0#1'], 'error'],
    ['thrown: with back-off', [new Error('x'), new Error('x')], ['k@0#1', 'k@100#2', 'k@300#3'], 'error'],
    ['a bug: slowly', [new TypeError('undefined is not')], ['k@0#1', 'k@30000#2'], 'error'],
    ['Refused: no more', [Object.assign(new Error('no'), { kind: 'Refused' })], ['k@0#1'], 'error'],
    ['a conflict: with back-off', [new ApiError({ request: 'PATCH', status: 409 })], ['k@0#1', 'k@100#2'], 'error'],
    [
      'success after failures: back to the first wait',
      [new Error('x'), wait('y', 1_000), new Error('x')],
      ['k@0#1', 'k@100#2', 'k@1100#1', 'k@1200#2'],
      'error',
    ],
  ])('%s', async (_, answers, asked, result) => {
    const it = loop(answers)
    it.queue.add('k')
    await it.clock.advance(60_000)
    expect(it.asked).toEqual(asked)
    expect(await it.count('reconcile_total', { result })).toBeGreaterThan(0)
    expect(await it.count('reconcile_total')).toBe(asked.length)
    it.stop.abort()
    await it.ended
  })

  it('backs off when a key ends in `changed` too many times in a row', async () => {
    const it = loop(Array.from({ length: 40 }, () => changed))
    it.queue.add('k')
    await it.clock.advance(50)
    expect(it.asked).toHaveLength(11)
    await it.clock.advance(300)
    expect(it.asked).toHaveLength(13)
    it.stop.abort()
    await it.ended
  })

  it('aborts a reconcile at its time limit and retries it', async () => {
    const slow = ({ signal }: ReconcileContext): Promise<Outcome> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const it = loop([slow], { timeoutMs: 1_000 })
    it.queue.add('k')
    await it.clock.advance(2_000)
    expect(it.asked).toEqual(['k@0#1', 'k@1100#2'])
    expect(await it.count('reconcile_timeouts_total')).toBe(1)
    it.stop.abort()
    await it.ended
  })

  it('works on `concurrency` keys at once, and counts programming errors', async () => {
    const gate = Promise.withResolvers<Outcome>()
    const it = loop([() => gate.promise, () => gate.promise, new ReferenceError('x is not defined')], {
      concurrency: 2,
    })
    for (const key of ['a', 'b', 'c']) it.queue.add(key)
    await flushPromises()
    expect(it.asked).toHaveLength(2)
    expect(await it.count('active_workers')).toBe(2)
    gate.resolve(done)
    await flushPromises()
    expect(it.asked).toHaveLength(3)
    expect(await it.count('reconcile_panics_total')).toBe(1)
    it.stop.abort()
    await it.ended
  })

  it('works on `concurrency` keys at the same time, and on no more', async () => {
    const [first, second] = [Promise.withResolvers<Outcome>(), Promise.withResolvers<Outcome>()]
    const it = loop([() => first.promise, () => second.promise], { concurrency: 2 })
    for (const key of ['a', 'b', 'c']) it.queue.add(key)
    await flushPromises()
    expect(it.asked).toEqual(['a@0#1', 'b@0#1'])
    second.resolve(done)
    await flushPromises()
    expect(it.asked).toEqual(['a@0#1', 'b@0#1', 'c@0#1'])
    first.resolve(done)
    it.stop.abort()
    await it.ended
  })

  it('takes no key after the stop, and aborts the reconciles that do not end within drainMs', async () => {
    const slow = ({ signal }: ReconcileContext): Promise<Outcome> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(done)))
    const it = loop([slow], { drainMs: 5_000 })
    it.queue.add('a')
    it.queue.add('b')
    await flushPromises()
    it.stop.abort()
    let ended = false
    void it.ended.then(() => (ended = true))
    await it.clock.advance(4_999)
    expect(ended).toBe(false)
    await it.clock.advance(1)
    expect(ended).toBe(true)
    expect(it.asked).toEqual(['a@0#1'])
    expect(it.clock.pending).toBe(0)
  })
})

describe('mergeOutcomes', () => {
  it.each<[string, (Outcome | undefined)[], Outcome]>([
    ['nothing', [], done],
    ['only done', [undefined, done], done],
    ['the first that is open decides', [done, failed('A', 'a'), changed], failed('A', 'a')],
    ['takes the shortest recheckAfter', [wait('a', 900), wait('b'), wait('c', 100)], wait('a', 100)],
    [
      'a later failure does not stop a wait',
      [wait('a'), failed('A', 'a')],
      { kind: 'wait', for: 'a', recheckAfter: undefined },
    ],
  ])('%s', (_, outcomes, merged) => {
    expect(mergeOutcomes(outcomes)).toEqual(merged)
  })
})
