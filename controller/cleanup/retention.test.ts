import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ServerAction } from '../../crds/index.ts'
import { expired } from './retention.ts'

const HOUR = 3_600_000
const now = Date.parse('2026-01-02T00:00:00Z')

function record(
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

it('keeps the newest by count', () => {
  const records = [record('a', 3), record('b', 1), record('c', 2)]
  expect(names(expired(records, { count: 2, maxAgeMs: 100 * HOUR }, now))).toEqual(['a'])
})

it('drops what is too old, oldest first', () => {
  const records = [record('a', 3), record('b', 1), record('c', 5)]
  expect(names(expired(records, { count: 9, maxAgeMs: 2 * HOUR }, now))).toEqual(['c', 'a'])
})

it('never drops what has not ended', () => {
  const records = [record('a', 99, 'Running'), record('b', 99, 'Pending')]
  expect(expired(records, { count: 0, maxAgeMs: 0 }, now)).toEqual([])
})

it('keeps at most the count, whatever the ages', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(10), (ages, count) => {
      const records = ages.map((age, i) => record(String(i), age))
      const gone = expired(records, { count, maxAgeMs: 20 * HOUR }, now)
      const kept = records.filter((r) => !gone.includes(r))
      expect(kept.length).toBeLessThanOrEqual(count)
      // No record is dropped while an older one is kept.
      const newestGone = Math.min(...gone.map((r) => ages[Number(r.metadata.name)]!), Infinity)
      for (const r of kept) expect(ages[Number(r.metadata.name)]!).toBeLessThanOrEqual(newestGone)
    }),
  )
})
