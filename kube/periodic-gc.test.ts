import { expect, test } from 'vitest'
import { largeHeapPolicy, smallHeapPolicy, startPeriodicGc } from './periodic-gc.ts'
import { FakeClock } from './testing/fake-clock.ts'

const MiB = 2 ** 20

function heapOf(live: number) {
  const heap = { used: live * MiB, collections: 0, busy: 0.5 }
  const collect = (): void => {
    heap.used = live * MiB
    heap.collections += 1
  }
  return { heap, port: { collect, used: () => heap.used, busy: () => heap.busy } }
}

test('collects what has gathered, twice, and leaves a heap alone in which nothing has', async () => {
  const clock = new FakeClock()
  const { heap, port } = heapOf(10)
  using _collecting = startPeriodicGc(clock, smallHeapPolicy, port)
  await clock.advance(60_000)
  expect(heap.collections).toBe(2)
  heap.used += 1 * MiB
  await clock.advance(60_000)
  expect(heap.collections).toBe(2)
  heap.used += 1 * MiB
  await clock.advance(60_000)
  expect(heap).toMatchObject({ used: 10 * MiB, collections: 4 })
})

test('a large heap waits until little is to be done', async () => {
  const clock = new FakeClock()
  const { heap, port } = heapOf(100)
  using _collecting = startPeriodicGc(clock, largeHeapPolicy, port)
  await clock.advance(60_000)
  expect(heap.collections).toBe(0)
  heap.busy = 0.1
  await clock.advance(60_000)
  expect(heap.collections).toBe(2)
  heap.used += 10 * MiB
  await clock.advance(60_000)
  expect(heap.collections).toBe(2)
})

test('ends when it is disposed of', async () => {
  const clock = new FakeClock()
  const { heap, port } = heapOf(10)
  startPeriodicGc(clock, smallHeapPolicy, port)[Symbol.dispose]()
  await clock.advance(60_000)
  expect(heap.collections).toBe(0)
})

test('does nothing where Node has no way to be asked', () => {
  using _collecting = startPeriodicGc(new FakeClock(), smallHeapPolicy, {
    collect: undefined,
    used: () => 0,
    busy: () => 0,
  })
})
