import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { hasFieldsOf } from './apply.ts'

it.each<[unknown, unknown, boolean]>([
  [{ a: 1, b: 2 }, { a: 1 }, true],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 1 } } }, true],
  [{ a: { b: 2 } }, { a: { b: 1 } }, false],
  [[{ a: 1, set: 'by default' }], [{ a: 1 }], true],
  [[1, 2], [1], false],
  [[2, 1], [1, 2], false],
  [{ a: [] }, { a: {} }, false],
  [{ a: {} }, { a: [] }, false],
  [{ a: null }, { a: {} }, false],
  [{}, { a: null }, false],
  [undefined, { a: 1 }, false],
])('hasFieldsOf(%j, %j) is %s', (object, wanted, expected) => {
  expect(hasFieldsOf(object, wanted)).toBe(expected)
})

it('hasFieldsOf is true for a value and its copy, and for an object and a part of it', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (part, others) => {
        expect(hasFieldsOf(part, structuredClone(part))).toBe(true)
        expect(hasFieldsOf({ ...others, ...part }, part)).toBe(true)
      },
    ),
  )
})
