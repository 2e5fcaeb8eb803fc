import { expect, it } from 'vitest'
import { Newest } from './newest.ts'

const object = (resourceVersion: string, uid = 'u') => ({
  metadata: { namespace: 'n', name: 'a', uid, resourceVersion },
})

it('gives what was written until the cache has it', () => {
  const newest = new Newest()
  newest.remember(object('12'))
  expect(newest.of(object('9'), 'n/a')).toEqual(object('12'))
  expect(newest.of(object('12'), 'n/a')).toEqual(object('12'))
  expect(newest.of(object('13'), 'n/a')).toEqual(object('13'))
})

it('compares as numbers, not as text', () => {
  const newest = new Newest()
  newest.remember(object('100'))
  expect(newest.of(object('99'), 'n/a')).toEqual(object('100'))
})

it('keeps the newest of two writes, in whatever order their answers come', () => {
  const newest = new Newest()
  newest.remember(object('12'))
  newest.remember(object('11'))
  expect(newest.of(object('9'), 'n/a')).toEqual(object('12'))
})

it('trusts the cache when the object is gone, or is another of that name', () => {
  const newest = new Newest()
  newest.remember(object('12'))
  expect(newest.of(object('9', 'other'), 'n/a')).toEqual(object('9', 'other'))
  newest.remember(object('12'))
  expect(newest.of(undefined, 'n/a')).toBeUndefined()
  expect(newest.of(object('13', 'later'), 'n/a')).toEqual(object('13', 'later'))
})
