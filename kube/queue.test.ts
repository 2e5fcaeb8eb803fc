import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMetrics } from './metrics.ts'
import { type Item, WorkQueue } from './queue.ts'
import { FakeClock, flushPromises } from './testing/fake-clock.ts'

const queueOf = (clock = new FakeClock(), more: Partial<ConstructorParameters<typeof WorkQueue>[0]> = {}): WorkQueue =>
  new WorkQueue({ name: 'test', clock, random: () => 1, ...more })

async function takeAll(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = []
  while (queue.length > 0) {
    const item = await queue.take()
    if (item) keys.push(item.key)
  }
  return keys
}

describe('WorkQueue', () => {
  it('gives a key out once when it was added several times', async () => {
    const queue = queueOf()
    for (const key of ['a', 'b', 'a', 'a', 'b']) queue.add(key)
    expect(await takeAll(queue)).toEqual(['a', 'b'])
  })

  it('gives a key out again after done() when it was added during the work', async () => {
    const queue = queueOf()
    queue.add('a')
    await queue.take()
    queue.add('a')
    queue.add('a')
    expect(queue.length).toBe(0)
    queue.done('a')
    expect(await takeAll(queue)).toEqual(['a'])
    queue.done('a')
    expect(queue.length).toBe(0)
  })

  it('gives a key to a taker that waits already', async () => {
    const queue = queueOf()
    const taken = queue.take()
    queue.add('a')
    expect((await taken)?.key).toBe('a')
  })

  it('keeps the earlier start and the higher priority when a key is added twice', async () => {
    const clock = new FakeClock()
    const queue = queueOf(clock)
    queue.add('a', { after: 100, priority: 'low' })
    queue.add('a', { after: 1000, priority: 'high' })
    queue.add('b', { after: 100 })
    await clock.advance(99)
    expect(queue.length).toBe(0)
    await clock.advance(1)
    expect(await queue.take()).toMatchObject({ key: 'a', priority: 'high' })
    expect(await takeAll(queue)).toEqual(['b'])
    queue.done('a')
    await clock.advance(10_000)
    expect(queue.length).toBe(0)
  })

  it('moves a delayed key forward when it is added with an earlier start', async () => {
    const clock = new FakeClock()
    const queue = queueOf(clock)
    queue.add('a', { after: 1000, priority: 'high' })
    queue.add('a', { after: 100, priority: 'low' })
    await clock.advance(100)
    expect(await queue.take()).toMatchObject({ key: 'a', priority: 'high' })
    expect(clock.pending).toBe(0)
  })

  it('makes a delayed key ready when it is added without a delay', async () => {
    const clock = new FakeClock()
    const queue = queueOf(clock)
    queue.add('a', { after: 1000 })
    queue.add('a')
    expect(await takeAll(queue)).toEqual(['a'])
    expect(clock.pending).toBe(0)
  })

  it('gives out high before normal before low, and lets low wait for ten keys at most', async () => {
    const queue = queueOf()
    queue.add('low', { priority: 'low' })
    for (let i = 0; i < 30; i += 1) queue.add(`n${i}`)
    queue.add('high', { priority: 'high' })
    const order = await takeAll(queue)
    expect(order[0]).toBe('high')
    expect(order.indexOf('low')).toBeGreaterThan(5)
    expect(order.indexOf('low')).toBeLessThan(15)
  })

  it('lets namespaces take turns', async () => {
    const queue = queueOf()
    for (let i = 0; i < 100; i += 1) queue.add(`busy/${i}`)
    queue.add('calm/1')
    queue.add('calm/2')
    expect((await takeAll(queue)).slice(0, 5)).toEqual(['busy/0', 'calm/1', 'busy/1', 'calm/2', 'busy/2'])
  })

  it('delays longer with each failure up to the limit, and starts anew after forget', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const queue = queueOf(new FakeClock(), { random: () => random })
        const waits = Array.from({ length: failures }, () => queue.retry('a'))
        waits.forEach((wait, i) => {
          expect(wait).toBeGreaterThanOrEqual(waits[i - 1] ?? 0)
          expect(wait).toBeLessThanOrEqual(300_000)
        })
        if (failures > 1) expect(waits[1]).toBeGreaterThan(waits[0]!)
        queue.forget('a')
        expect(queue.retry('a')).toBe(waits[0])
      }),
    )
  })

  it('gives out the number of failures with the key', async () => {
    const clock = new FakeClock()
    const queue = queueOf(clock)
    queue.retry('a')
    await clock.advance(10_000)
    expect(await queue.take()).toMatchObject({ key: 'a', failures: 1 })
  })

  it('gives out no key after close, and idle() waits for the work under way', async () => {
    const queue = queueOf()
    queue.add('a')
    queue.add('b')
    await queue.take()
    const waiting = queue.take().then(() => queue.take())
    queue.close()
    queue.add('c')
    expect(await waiting).toBeUndefined()
    let idle = false
    const done = queue.idle().then(() => (idle = true))
    await flushPromises()
    expect(idle).toBe(false)
    queue.done('a')
    queue.done('b')
    await done
    expect(queue.length).toBe(0)
  })

  it('done throws for a key that is not worked on', () => {
    expect(() => queueOf().done('a')).toThrow('was not being worked on')
  })

  it('has the metrics of controller-runtime', async () => {
    const metrics = createMetrics()
    const clock = new FakeClock()
    const queue = new WorkQueue({ name: 'q', clock, metrics })
    queue.add('a')
    queue.add('b')
    queue.retry('c')
    await queue.take()
    await clock.advance(2_000)
    const { body } = await metrics.text()
    expect(body).toContain('workqueue_depth{name="q"} 2')
    expect(body).toContain('workqueue_adds_total{name="q"} 3')
    expect(body).toContain('workqueue_retries_total{name="q"} 1')
    expect(body).toContain('workqueue_unfinished_work_seconds{name="q"} 2')
    expect(body).toContain('workqueue_longest_running_processor_seconds{name="q"} 2')
    queue.done('a')
    expect((await metrics.text()).body).toContain('workqueue_work_duration_seconds_count{name="q"} 1')
  })
})

type Command =
  | { do: 'add'; key: string; after: number; priority: 'high' | 'normal' | 'low' }
  | { do: 'advance'; ms: number }
  | { do: 'finish' }
  | { do: 'retry'; key: string }

const key = fc.constantFrom('n/a', 'n/b', 'm/a', 'm/b', 'c')
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    key,
    after: fc.oneof(fc.constant(0), fc.nat(500)),
    priority: fc.constantFrom('high' as const, 'normal' as const, 'low' as const),
  }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(400) }),
  fc.record({ do: fc.constant('finish' as const) }),
  fc.record({ do: fc.constant('retry' as const), key }),
)

function setUpWorkers(workers: number) {
  const clock = new FakeClock()
  const queue = queueOf(clock)
  const running: Item[] = []
  const pending = new Set<string>()
  const commands: { [D in Command['do']]: (c: Extract<Command, { do: D }>) => void | Promise<void> } = {
    add: (c) => (pending.add(c.key), queue.add(c.key, c)),
    retry: (c) => void (pending.add(c.key), queue.retry(c.key)),
    advance: (c) => clock.advance(c.ms),
    finish() {
      const first = running.shift()
      if (first) queue.done(first.key)
    },
  }
  return {
    queue,
    running,
    pending,
    run: async (c: Command) => (commands[c.do] as (c: Command) => void | Promise<void>)(c),
    work: async () => {
      while (running.length < workers && queue.length > 0) {
        const item = (await queue.take())!
        expect(running.map((r) => r.key)).not.toContain(item.key)
        running.push(item)
        pending.delete(item.key)
      }
    },
  }
}

it('WorkQueue never gives out a key that is worked on, and loses no key, in any order of calls', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { maxLength: 80 }),
      fc.integer({ min: 1, max: 3 }),
      async (commands, workers) => {
        const { queue, running, pending, run, work } = setUpWorkers(workers)
        for (const c of commands) {
          await run(c)
          await work()
        }
        for (let i = 0; i < 50 && (running.length > 0 || pending.size > 0); i += 1) {
          while (running.length > 0) await run({ do: 'finish' })
          await run({ do: 'advance', ms: 400_000 })
          await work()
        }
        expect([...pending]).toEqual([])
        expect(queue.length + queue.delayed).toBe(0)
      },
    ),
    { numRuns: 200 },
  )
})
