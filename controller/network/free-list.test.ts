import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FreeList } from './free-list.ts'
import { MinHeap } from './min-heap.ts'

const ranges = [
  { first: 10n, last: 12n },
  { first: 20n, last: 21n },
]
const makeList = (quarantineMs = 60) => {
  const used = new Set<bigint>()
  const free = new FreeList(ranges, quarantineMs)
  return {
    used,
    take(now: number) {
      const value = free.next((v) => used.has(v), now)
      if (value !== undefined) used.add(value)
      return value
    },
    free(value: bigint, now: number, quarantine = true) {
      used.delete(value)
      free.free(value, now, quarantine)
    },
  }
}

describe('FreeList.next', () => {
  test('gives the lowest free address, across ranges, until none is left', () => {
    const l = makeList()
    l.used.add(11n)
    expect([1, 2, 3, 4, 5].map(() => l.take(0))).toEqual([10n, 12n, 20n, 21n, undefined])
  })
  test('does not give an address in quarantine while another one is free', () => {
    const l = makeList()
    expect([l.take(0), l.take(0)]).toEqual([10n, 11n])
    l.free(10n, 5)
    expect([l.take(10), l.take(10)]).toEqual([12n, 20n])
    expect(l.take(65)).toBe(10n)
  })
  test('gives the address that was freed first when all free ones are in quarantine', () => {
    const l = makeList()
    for (let i = 0; i < 5; i++) l.take(0)
    l.free(20n, 1)
    l.free(10n, 2)
    expect([l.take(3), l.take(3), l.take(3)]).toEqual([20n, 10n, undefined])
  })
  test('gives an address again at once when it was freed without quarantine', () => {
    const l = makeList()
    l.take(0)
    l.free(10n, 0, false)
    expect(l.take(0)).toBe(10n)
  })
  test('gives an address once when it was freed twice', () => {
    const l = makeList()
    l.take(0)
    l.free(10n, 0)
    l.free(10n, 0)
    expect([l.take(100), l.take(100)]).toEqual([10n, 11n])
  })
  test('keeps the order when addresses above the cursor were used and freed', () => {
    const l = makeList()
    for (const value of [12n, 21n]) l.used.add(value)
    l.free(12n, 0)
    l.free(21n, 0, false)
    expect([1, 2, 3, 4, 5].map(() => l.take(1))).toEqual([10n, 11n, 20n, 21n, 12n])
  })
  test('gives freed addresses again, lowest first, after all were given', () => {
    const l = makeList()
    while (l.take(0) !== undefined);
    for (let round = 1; round < 4; round++) {
      l.free(20n, round, false)
      l.free(11n, round, false)
      expect([l.take(round), l.take(round), l.take(round)]).toEqual([11n, 20n, undefined])
    }
  })
  test('never gives an address outside the ranges, even when it was freed', () => {
    const l = makeList()
    l.free(99n, 0, false)
    expect([1, 2, 3, 4, 5, 6].map(() => l.take(0))).not.toContain(99n)
  })
})

test('FreeList.next never gives an address in use, and gives none only when all are in use', () => {
  const action = fc.oneof(
    fc.constant({ do: 'take' as const }),
    fc.record({ do: fc.constant('free' as const), pick: fc.nat(), quarantine: fc.boolean() }),
    fc.record({ do: fc.constant('grab' as const), value: fc.constantFrom(10n, 11n, 12n, 20n, 21n) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: 'max' }), fc.nat(5), (actions, step) => {
      const l = makeList(7)
      let now = 0
      for (const a of actions) {
        now += step
        if (a.do === 'grab') l.used.add(a.value)
        else if (a.do === 'free') {
          const value = [...l.used][a.pick % Math.max(1, l.used.size)]
          if (value !== undefined) l.free(value, now, a.quarantine)
        } else {
          const before = new Set(l.used)
          const value = l.take(now)
          if (value === undefined) expect(before.size).toBe(5)
          else expect(before.has(value)).toBe(false)
        }
      }
    }),
  )
})

test('MinHeap gives back the pushed values in ascending order, each once', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(0n, 50n)), (values) => {
      const heap = new MinHeap()
      for (const v of values) heap.push(v)
      const out: bigint[] = []
      for (let v = heap.pop(); v !== undefined; v = heap.pop()) out.push(v)
      expect(out).toEqual([...new Set(values)].sort((a, b) => (a < b ? -1 : 1)))
    }),
  )
})
