import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Entry, victims } from './lru.ts'

const entry = (key: string, bytes: number, lastUsed: number, pinned = false): Entry => ({
  key,
  bytes,
  lastUsed,
  pinned,
})
const noLimits = { maxBytes: Infinity, minFree: 0, maxAge: Infinity }
const some = [entry('new', 10, 90), entry('old', 10, 10), entry('pinned', 50, 1, true), entry('middle', 10, 50)]

test.each([
  ['no limits', {}, []],
  ['bytes: oldest first, as many as needed', { maxBytes: 65 }, ['old', 'middle']],
  ['bytes that the pinned alone exceed', { maxBytes: 10 }, ['old', 'middle', 'new']],
  ['free space', { minFree: 105 }, ['old']],
  ['age', { maxAge: 60 }, ['old']],
  ['all of them', { maxBytes: 75, minFree: 115, maxAge: 1000 }, ['old', 'middle']],
])('%s', (_, limits, gone) => expect(victims(some, { ...noLimits, ...limits }, 100, 100)).toEqual(gone))

const entries = fc
  .array(fc.record({ bytes: fc.nat(1000), lastUsed: fc.nat(100), pinned: fc.boolean() }), { maxLength: 12 })
  .map((list) => list.map((e, i) => ({ ...e, key: `k${i}` })))
const limits = fc.record({
  maxBytes: fc.option(fc.nat(3000), { nil: Infinity }),
  minFree: fc.option(fc.nat(3000), { nil: 0 }),
  maxAge: fc.option(fc.nat(100), { nil: Infinity }),
})

test('never a pinned one, never more than needed, and limits are met unless only pinned ones are left', () => {
  fc.assert(
    fc.property(entries, limits, fc.nat(3000), (list, wanted, free) => {
      const gone = victims(list, wanted, free, 100)
      const { maxBytes, minFree, maxAge } = wanted
      const met = (removed: readonly string[]) => {
        const kept = list.filter((e) => !removed.includes(e.key))
        const bytes = kept.reduce((sum, e) => sum + e.bytes, 0)
        const freed = list.reduce((sum, e) => sum + e.bytes, 0) - bytes
        return bytes <= maxBytes && free + freed >= minFree && kept.every((e) => e.pinned || 100 - e.lastUsed <= maxAge)
      }
      const byKey = new Map(list.map((e) => [e.key, e]))
      expect(gone.every((key) => byKey.get(key)?.pinned === false)).toBe(true)
      expect(met(gone) || gone.length === list.filter((e) => !e.pinned).length).toBe(true)
      if (gone.length > 0) expect(met(gone.slice(0, -1))).toBe(false)
      const kept = list.filter((e) => !e.pinned && !gone.includes(e.key))
      const youngest = Math.max(...gone.map((key) => byKey.get(key)!.lastUsed), -1)
      expect(kept.every((e) => e.lastUsed >= youngest)).toBe(true)
    }),
  )
})
