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

function bench() {
  const clock = new FakeClock()
  const api = new FakeApi(() => clock.wall())
  const recorder = createEventRecorder({
    kube: api.kube(undefined, 'test', clock),
    controller: 'test.example/it',
    clock,
  })
  onTestFinished(() => recorder[Symbol.asyncDispose]())
  const say = async (name: string, note = 'it happened'): Promise<void> => {
    recorder.event({ regarding: named(name), reason: 'Happened', action: 'Happen', note })
    await flushPromises()
  }
  /** The counts of each event of an object, in order; one that did not happen again has none. */
  const counts = (name: string): (number | undefined)[] =>
    api
      .list<Event>('events')
      .filter(({ regarding }) => regarding?.name === name)
      .map(({ series }) => series?.count)
  return { clock, recorder, say, counts }
}

it('what happens again within six minutes of the last time is counted; later, it is another event', async () => {
  const { clock, say, counts } = bench()
  await say('a')
  for (let i = 0; i < 3; i++) {
    await clock.advance(5 * 60_000)
    await say('a')
    await clock.advance(10_000)
  }
  expect(counts('a')).toEqual([4])
  await clock.advance(6 * 60_000)
  await say('a')
  expect(counts('a')).toEqual([4, undefined])
})

it('so many different things of one object are told at once, and one more each half minute', async () => {
  const { clock, say, counts } = bench()
  const told = async (many: number): Promise<number> => {
    for (let i = 0; i < many; i++) await say('a', `${clock.now()} ${i}`)
    return counts('a').length
  }
  expect(await told(40)).toBe(25)
  await say('b')
  expect(counts('b')).toHaveLength(1)
  await clock.advance(61_000)
  expect(await told(40)).toBe(27)
})

it('keeps in mind no more than some thousands of them: the oldest are forgotten', async () => {
  const { clock, say, counts } = bench()
  await say('first')
  for (let i = 0; i < 4_100; i++) await say(`other ${i}`)
  await clock.advance(1000)
  await say('first')
  await say('other 4099')
  await clock.advance(20_000)
  expect(counts('first')).toHaveLength(2)
  expect(counts('other 4099')).toEqual([2])
})
