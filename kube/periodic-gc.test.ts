import { describe, expect, it } from 'vitest'
import { type Heap, largeHeapPolicy, smallHeapPolicy, startPeriodicGc } from './periodic-gc.ts'
import { FakeClock } from './testing/fake-clock.ts'

const MiB = 2 ** 20

function fakeHeap(liveMiB: number) {
  const state = { used: liveMiB * MiB, collections: 0, busy: 0.5 }
  const collect = (): void => {
    state.used = liveMiB * MiB
    state.collections += 1
  }
  const heap: Heap = { collect, usedBytes: () => state.used, busyShare: () => state.busy }
  return { state, heap }
}

describe('startPeriodicGc', () => {
  it('collects twice when enough garbage has gathered, and not when too little has', async () => {
    const clock = new FakeClock()
    const { state, heap } = fakeHeap(10)
    using _gc = startPeriodicGc(clock, smallHeapPolicy, heap)
    await clock.advance(60_000)
    expect(state.collections).toBe(2)
    state.used += 1 * MiB
    await clock.advance(60_000)
    expect(state.collections).toBe(2)
    state.used += 1 * MiB
    await clock.advance(60_000)
    expect(state).toMatchObject({ used: 10 * MiB, collections: 4 })
  })

  it('collects a large heap only when the event loop is idle enough', async () => {
    const clock = new FakeClock()
    const { state, heap } = fakeHeap(100)
    using _gc = startPeriodicGc(clock, largeHeapPolicy, heap)
    await clock.advance(60_000)
    expect(state.collections).toBe(0)
    state.busy = 0.1
    await clock.advance(60_000)
    expect(state.collections).toBe(2)
    state.used += 10 * MiB
    await clock.advance(60_000)
    expect(state.collections).toBe(2)
  })

  it('stops when it is disposed of', async () => {
    const clock = new FakeClock()
    const { state, heap } = fakeHeap(10)
    startPeriodicGc(clock, smallHeapPolicy, heap)[Symbol.dispose]()
    await clock.advance(60_000)
    expect(state.collections).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('starts no timer when Node was started without --expose-gc', async () => {
    const clock = new FakeClock()
    const { state, heap } = fakeHeap(10)
    using gc = startPeriodicGc(clock, smallHeapPolicy, { ...heap, collect: undefined })
    expect(clock.pending).toBe(0)
    state.used += 100 * MiB
    await clock.advance(60_000)
    expect(state.used).toBe(110 * MiB)
    expect(() => gc[Symbol.dispose]()).not.toThrow()
  })
})
