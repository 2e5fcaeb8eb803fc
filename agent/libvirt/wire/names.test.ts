import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeName } from './names.ts'

it('decodeName decodes any bytes like Node, the first time and again', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '€', '𐀀'), maxLength: 8 })
  const bytes = fc.oneof(
    text.map((s) => Buffer.from(s)),
    fc.uint8Array({ maxLength: 32 }).map((a) => Buffer.from(a)),
  )
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 50 }), (all) => {
      for (const each of [...all, ...all]) {
        const around = Buffer.concat([Buffer.from('<<'), each, Buffer.from('>>')])
        expect(decodeName(around, 2, 2 + each.length)).toBe(each.toString('utf8'))
      }
    }),
    { numRuns: 300 },
  )
})

it('decodeName tells apart texts that share a place in the cache', () => {
  // Both texts have the same hash, because 31 × 'A' + 'a' equals 31 × 'B' + 'B'.
  for (const name of ['Aa', 'BB', 'Aa', 'BB']) expect(decodeName(Buffer.from(name), 0, 2)).toBe(name)
})
