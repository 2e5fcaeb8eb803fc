import * as fc from 'fast-check'
import type { Shape } from '../wire/types.ts'

// Characters of one to four bytes in UTF-8.
const text = fc.string({ unit: fc.constantFrom('a', 'é', '€', '𐀀', '<', ' '), maxLength: 20 })

/** Generates values of the shape for round trips: decoding an encoded value must give the same value again. */
// oxlint-disable-next-line complexity -- a flat switch reads better than a table of functions
export function arbitraryValueOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'int':
      return fc.integer()
    case 'uint':
    case 'flags':
      return fc.nat(0xffff_ffff)
    case 'hyper':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'uhyper':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
    case 'double':
      return fc.double({ noNaN: true })
    case 'bool':
      return fc.boolean()
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => uuidFromBytes(Buffer.from(bytes)))
    case 'string':
      return text
    case 'opaque':
    case 'chars':
      return fc.uint8Array({ maxLength: Math.min(shape.max, 40) }).map((bytes) => Buffer.from(bytes))
    case 'charArray':
      return text.filter((s) => Buffer.byteLength(s) <= shape.length)
    case 'optional':
      return fc.option(arbitraryValueOf(shape.of), { nil: null })
    case 'array':
      return fc.array(arbitraryValueOf(shape.of), { maxLength: Math.min(shape.max, 4) })
    case 'struct':
      return fc.record(Object.fromEntries(shape.fields.map(([name, of]) => [name, arbitraryValueOf(of)])), {
        noNullPrototype: true,
      })
    case 'union':
      return fc.oneof(
        ...[...shape.cases.values()].map(([type, of]) => arbitraryValueOf(of).map((value) => ({ type, value }))),
      )
  }
}

function uuidFromBytes(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
