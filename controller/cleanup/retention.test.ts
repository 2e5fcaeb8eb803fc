import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ServerAction } from '../../crds/index.ts'
import { expiredRecords } from './retention.ts'

const HOUR = 3_600_000
const now = Date.parse('2026-01-02T00:00:00Z')

function makeRecord(
  name: string,
  hoursAgo: number,
  phase: NonNullable<ServerAction['status']>['phase'] = 'Succeeded',
): ServerAction {
  const finishTime = new Date(now - hoursAgo * HOUR).toISOString()
  return {
    apiVersion: '',
    kind: '',
    metadata: { name },
    spec: { server: 's', action: 'start' },
    status: { phase, finishTime },
  }
}

const names = (list: ServerAction[]): string[] => list.map(({ metadata }) => metadata.name)

it('expiredRecords keeps the newest records up to the count', () => {
  const records = [makeRecord('a', 3), makeRecord('b', 1), makeRecord('c', 2)]
  expect(names(expiredRecords(records, { count: 2, maxAgeMs: 100 * HOUR }, now))).toEqual(['a'])
})

it('expiredRecords returns records that are too old, oldest first', () => {
  const records = [makeRecord('a', 3), makeRecord('b', 1), makeRecord('c', 5)]
  expect(names(expiredRecords(records, { count: 9, maxAgeMs: 2 * HOUR }, now))).toEqual(['c', 'a'])
})

it('expiredRecords never returns a record that is not finished', () => {
  const records = [makeRecord('a', 99, 'Running'), makeRecord('b', 99, 'Pending')]
  expect(expiredRecords(records, { count: 0, maxAgeMs: 0 }, now)).toEqual([])
})

it('expiredRecords keeps at most the count, and never an older record than one it returns', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(10), (ages, count) => {
      const records = ages.map((age, i) => makeRecord(String(i), age))
      const gone = expiredRecords(records, { count, maxAgeMs: 20 * HOUR }, now)
      const kept = records.filter((r) => !gone.includes(r))
      expect(kept.length).toBeLessThanOrEqual(count)
      // An action record must not be deleted while an older one is kept.
      const newestGone = Math.min(...gone.map((r) => ages[Number(r.metadata.name)]!), Infinity)
      for (const r of kept) expect(ages[Number(r.metadata.name)]!).toBeLessThanOrEqual(newestGone)
    }),
  )
})
