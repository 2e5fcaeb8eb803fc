import { expect, it, onTestFinished } from 'vitest'
import { FakeApi } from '../test/fakes/api.ts'
import type { Event } from './builtin-kinds.ts'
import { createEventRecorder } from './events.ts'
import { FakeClock, flushPromises } from './testing/fake-clock.ts'
import type { KubeObject } from './types.ts'

const named = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name, namespace: 'demo', uid: name },
})

function setUp() {
  const clock = new FakeClock()
  const api = new FakeApi(() => clock.wall())
  const recorder = createEventRecorder({
    kube: api.kube(undefined, 'test', clock),
    controller: 'test.example/it',
    clock,
  })
  onTestFinished(() => recorder[Symbol.asyncDispose]())
  const record = async (name: string, note = 'it happened'): Promise<void> => {
    recorder.event({ regarding: named(name), reason: 'Happened', action: 'Happen', note })
    await flushPromises()
  }
  /** Returns the count of each Event about the object `name`; undefined for an Event that did not repeat. */
  const counts = (name: string): (number | undefined)[] =>
    api
      .list<Event>('events')
      .filter(({ regarding }) => regarding?.name === name)
      .map(({ series }) => series?.count)
  return { clock, recorder, record, counts }
}

it('counts an event that repeats within six minutes in a series, and records a new event when it repeats later', async () => {
  const { clock, record, counts } = setUp()
  await record('a')
  for (let i = 0; i < 3; i++) {
    await clock.advance(5 * 60_000)
    await record('a')
    await clock.advance(10_000)
  }
  expect(counts('a')).toEqual([4])
  await clock.advance(6 * 60_000)
  await record('a')
  expect(counts('a')).toEqual([4, undefined])
})

it('records 25 different events of an object at once, and one more every half minute', async () => {
  const { clock, record, counts } = setUp()
  const recordMany = async (many: number): Promise<number> => {
    for (let i = 0; i < many; i++) await record('a', `${clock.now()} ${i}`)
    return counts('a').length
  }
  expect(await recordMany(40)).toBe(25)
  await record('b')
  expect(counts('b')).toHaveLength(1)
  await clock.advance(61_000)
  expect(await recordMany(40)).toBe(27)
})

it('forgets the oldest series when there are more than 4096', async () => {
  const { clock, record, counts } = setUp()
  await record('first')
  for (let i = 0; i < 4_100; i++) await record(`other ${i}`)
  await clock.advance(1000)
  await record('first')
  await record('other 4099')
  await clock.advance(20_000)
  expect(counts('first')).toHaveLength(2)
  expect(counts('other 4099')).toEqual([2])
})
