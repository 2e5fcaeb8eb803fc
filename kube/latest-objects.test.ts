import { expect, it } from 'vitest'
import { LatestObjects } from './latest-objects.ts'

const object = (resourceVersion: string, uid = 'u') => ({
  metadata: { namespace: 'n', name: 'a', uid, resourceVersion },
})

it('gives what was written until the cache has it', () => {
  const newest = new LatestObjects()
  newest.recordWrite(object('12'))
  expect(newest.latest(object('9'), 'n/a')).toEqual(object('12'))
  expect(newest.latest(object('12'), 'n/a')).toEqual(object('12'))
  expect(newest.latest(object('13'), 'n/a')).toEqual(object('13'))
})

it('compares as numbers, not as text', () => {
  const newest = new LatestObjects()
  newest.recordWrite(object('100'))
  expect(newest.latest(object('99'), 'n/a')).toEqual(object('100'))
})

it('keeps the newest of two writes, in whatever order their answers come', () => {
  const newest = new LatestObjects()
  newest.recordWrite(object('12'))
  newest.recordWrite(object('11'))
  expect(newest.latest(object('9'), 'n/a')).toEqual(object('12'))
})

it('trusts the cache when the object is gone, or is another of that name', () => {
  const newest = new LatestObjects()
  newest.recordWrite(object('12'))
  expect(newest.latest(object('9', 'other'), 'n/a')).toEqual(object('9', 'other'))
  newest.recordWrite(object('12'))
  expect(newest.latest(undefined, 'n/a')).toBeUndefined()
  expect(newest.latest(object('13', 'later'), 'n/a')).toEqual(object('13', 'later'))
})
