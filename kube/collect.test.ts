import { expect, test } from 'vitest'
import { collectNowAndThen } from './collect.ts'
import { FakeClock } from './testing/fake-clock.ts'

const MiB = 2 ** 20

function heapOf(live: number) {
  const heap = { used: live * MiB, collections: 0 }
  const collect = (): void => {
    heap.used = live * MiB
    heap.collections += 1
  }
  return { heap, port: { collect, used: () => heap.used } }
}

test('collects what has gathered, twice, and leaves a heap alone in which nothing has', async () => {
  const clock = new FakeClock()
  const { heap, port } = heapOf(10)
  using _collecting = collectNowAndThen(clock, port)
  await clock.advance(60_000)
  expect(heap.collections).toBe(2)
  heap.used += 1 * MiB
  await clock.advance(60_000)
  expect(heap.collections).toBe(2)
  heap.used += 1 * MiB
  await clock.advance(60_000)
  expect(heap).toEqual({ used: 10 * MiB, collections: 4 })
})

test('ends when it is disposed of', async () => {
  const clock = new FakeClock()
  const { heap, port } = heapOf(10)
  collectNowAndThen(clock, port)[Symbol.dispose]()
  await clock.advance(60_000)
  expect(heap.collections).toBe(0)
})

test('does nothing where Node has no way to be asked', () => {
  using _collecting = collectNowAndThen(new FakeClock(), { collect: undefined, used: () => 0 })
})
