import { expect, it } from 'vitest'
import { LatestObjects } from './latest-objects.ts'

const object = (resourceVersion: string, uid = 'u') => ({
  metadata: { namespace: 'n', name: 'a', uid, resourceVersion },
})

it('latest returns the written object until the cache has it', () => {
  const objects = new LatestObjects()
  objects.recordWrite(object('12'))
  expect(objects.latest(object('9'), 'n/a')).toEqual(object('12'))
  expect(objects.latest(object('12'), 'n/a')).toEqual(object('12'))
  expect(objects.latest(object('13'), 'n/a')).toEqual(object('13'))
})

it('latest compares resource versions as numbers, not as text', () => {
  const objects = new LatestObjects()
  objects.recordWrite(object('100'))
  expect(objects.latest(object('99'), 'n/a')).toEqual(object('100'))
})

it('recordWrite keeps the newer of two writes when their answers arrive in the wrong order', () => {
  const objects = new LatestObjects()
  objects.recordWrite(object('12'))
  objects.recordWrite(object('11'))
  expect(objects.latest(object('9'), 'n/a')).toEqual(object('12'))
})

it('latest returns what the cache has when the object was deleted or replaced', () => {
  const objects = new LatestObjects()
  objects.recordWrite(object('12'))
  expect(objects.latest(object('9', 'other'), 'n/a')).toEqual(object('9', 'other'))
  objects.recordWrite(object('12'))
  expect(objects.latest(undefined, 'n/a')).toBeUndefined()
  expect(objects.latest(object('13', 'later'), 'n/a')).toEqual(object('13', 'later'))
})
