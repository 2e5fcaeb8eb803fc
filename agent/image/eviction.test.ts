import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CachedBase, selectBasesToEvict } from './eviction.ts'

const makeBase = (key: string, bytes: number, lastUsed: number, pinned = false): CachedBase => ({
  key,
  bytes,
  lastUsed,
  pinned,
})
const noLimits = { maxBytes: Infinity, minFree: 0, maxAge: Infinity }
const bases = [
  makeBase('new', 10, 90),
  makeBase('old', 10, 10),
  makeBase('pinned', 50, 1, true),
  makeBase('middle', 10, 50),
]

test.each([
  ['nothing without limits', {}, []],
  ['the oldest bases above maxBytes', { maxBytes: 65 }, ['old', 'middle']],
  ['all but pinned bases when those alone exceed maxBytes', { maxBytes: 10 }, ['old', 'middle', 'new']],
  ['the oldest base for minFree', { minFree: 105 }, ['old']],
  ['bases above maxAge', { maxAge: 60 }, ['old']],
  ['the oldest bases until all limits are met', { maxBytes: 75, minFree: 115, maxAge: 1000 }, ['old', 'middle']],
])('selectBasesToEvict selects %s', (_, limits, evicted) =>
  expect(selectBasesToEvict(bases, { ...noLimits, ...limits }, 100, 100)).toEqual(evicted),
)

const anyBases = fc
  .array(fc.record({ bytes: fc.nat(1000), lastUsed: fc.nat(100), pinned: fc.boolean() }), { maxLength: 12 })
  .map((list) => list.map((base, i) => ({ ...base, key: `k${i}` })))
const anyLimits = fc.record({
  maxBytes: fc.option(fc.nat(3000), { nil: Infinity }),
  minFree: fc.option(fc.nat(3000), { nil: 0 }),
  maxAge: fc.option(fc.nat(100), { nil: Infinity }),
})

test('selectBasesToEvict selects no pinned base and no more than needed, and meets the limits unless only pinned bases are left', () => {
  fc.assert(
    fc.property(anyBases, anyLimits, fc.nat(3000), (list, limits, free) => {
      const evicted = selectBasesToEvict(list, limits, free, 100)
      const { maxBytes, minFree, maxAge } = limits
      const meetsLimits = (removed: readonly string[]) => {
        const kept = list.filter(({ key }) => !removed.includes(key))
        const bytes = kept.reduce((sum, base) => sum + base.bytes, 0)
        const freed = list.reduce((sum, base) => sum + base.bytes, 0) - bytes
        return (
          bytes <= maxBytes &&
          free + freed >= minFree &&
          kept.every((base) => base.pinned || 100 - base.lastUsed <= maxAge)
        )
      }
      const byKey = new Map(list.map((base) => [base.key, base]))
      expect(evicted.every((key) => byKey.get(key)?.pinned === false)).toBe(true)
      expect(meetsLimits(evicted) || evicted.length === list.filter(({ pinned }) => !pinned).length).toBe(true)
      if (evicted.length > 0) expect(meetsLimits(evicted.slice(0, -1))).toBe(false)
      const kept = list.filter(({ pinned, key }) => !pinned && !evicted.includes(key))
      const youngest = Math.max(...evicted.map((key) => byKey.get(key)!.lastUsed), -1)
      expect(kept.every(({ lastUsed }) => lastUsed >= youngest)).toBe(true)
    }),
  )
})
