import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EncodeError, ProtocolError } from '../errors.ts'
import { typedParam, wireError } from '../protocol/common.ts'
import { domainEvents } from '../protocol/events.ts'
import { proc } from '../protocol/proc.ts'
import { arbitraryValueOf } from '../testing/arbitrary.ts'
import { decode, encode } from './codec.ts'
import { XdrReader } from './reader.ts'
import {
  type AnyType,
  arrayOf,
  charArrayOf,
  charsUpTo,
  flags,
  int,
  opaqueUpTo,
  optionalOf,
  string,
  structOf,
  type Type,
  uhyper,
  unionOf,
  uuid,
} from './types.ts'

const types: [string, AnyType][] = [
  ...Object.values(proc).flatMap(({ name, args, result }): [string, AnyType][] => [
    [`${name} args`, args],
    [`${name} result`, result],
  ]),
  ...Object.values(domainEvents).map(({ name, message }): [string, AnyType] => [`event ${name}`, message]),
  ['error', wireError],
]

function encodeToBytes(type: AnyType, value: unknown): Buffer {
  return encode(type as Type, value).bytes()
}

describe.each(types)('codec of %s', (_name, type) => {
  it('decodes what it encoded, and refuses shorter and longer messages', () => {
    fc.assert(
      fc.property(
        arbitraryValueOf(type.shape),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (value, part) => {
          const bytes = encodeToBytes(type, value)
          expect(bytes.length % 4).toBe(0)
          expect(decode(type, bytes)).toEqual(value)
          if (bytes.length > 0) {
            const cut = bytes.subarray(0, Math.floor(bytes.length * part))
            expect(() => decode(type, cut)).toThrow(ProtocolError)
          }
          expect(() => decode(type, Buffer.concat([bytes, Buffer.alloc(4)]))).toThrow(ProtocolError)
        },
      ),
      { numRuns: 12 },
    )
  })

  it('gives a value or a ProtocolError for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          decode(type, Buffer.from(noise))
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 12 },
    )
  })
})

describe('decode with a too large length', () => {
  const huge = Buffer.from('ffffffff', 'hex')
  it.each<[string, AnyType, string]>([
    ['string', string, 'string of 4294967295 is over the limit of 4194304'],
    ['opaque', opaqueUpTo(16), 'opaque of 4294967295 is over the limit of 16'],
    ['array', arrayOf(int, 16_384), 'array of 4294967295 is over the limit of 16384'],
    ['array of empty structs', arrayOf(structOf({}), 16), 'array of 4294967295 is over the limit of 16'],
    ['chars', charsUpTo(65_536), 'char array of 4294967295 is over the limit of 65536'],
    ['optional', optionalOf(int), 'a bool is 0 or 1, not 4294967295'],
    ['union', unionOf({ int: [1, int] }), 'union of unknown case -1'],
  ])('refuses it for %s', (_name, type, message) => {
    expect(() => decode(type, huge)).toThrow(message)
  })

  it('refuses a length within the limit but beyond the message', () => {
    expect(() => decode(string, Buffer.from('00400000', 'hex'))).toThrow('4194304 bytes wanted at byte 4, 0 left')
    expect(() => decode(charsUpTo(65_536), Buffer.from('00010000', 'hex'))).toThrow(
      '65536 chars announced, 0 bytes left',
    )
  })
})

describe('encode of an invalid value', () => {
  const type = structOf({ dom: structOf({ uuid, id: int }), names: arrayOf(string, 2), memory: optionalOf(uhyper) })
  const good = { dom: { uuid: '00000000-0000-0000-0000-000000000000', id: 1 }, names: [] }
  it.each<[unknown, string]>([
    [{ ...good, dom: { ...good.dom, uuid: 'x' } }, 'dom.uuid: x is not a UUID'],
    [{ ...good, dom: { ...good.dom, id: 2 ** 31 } }, 'dom.id: 2147483648 is not an int'],
    [{ ...good, dom: { ...good.dom, id: undefined } }, 'dom.id: undefined is not a number'],
    [{ ...good, names: ['a', 'b', 'c'] }, 'names: an array of 3 is over the limit of 2'],
    [{ ...good, names: ['a\0b'] }, 'names.0: a string may not contain a zero character'],
    [{ ...good, names: ['x'.repeat(4_194_305)] }, 'names.0: a string of 4194305 bytes is over the limit of 4194304'],
    [{ ...good, memory: 2 ** 53 }, 'memory: 9007199254740992 is not an exact integer'],
    [{ ...good, memory: -1n }, 'memory: -1 is not an unsigned 64 bit integer'],
    [undefined, 'undefined is not an object'],
  ])('names the field of %o', (value, message) => {
    expect(() => encodeToBytes(type, value)).toThrow(EncodeError)
    expect(() => encodeToBytes(type, value)).toThrow(message)
  })

  it('refuses a typed parameter of unknown type', () => {
    expect(() => encodeToBytes(typedParam, { field: 'x', value: { type: 'float', value: 1 } })).toThrow(
      'value: float is not one of int, uint, llong, ullong, double, boolean, string',
    )
  })
})

describe('a decoded value', () => {
  it('does not change when the buffer is overwritten', () => {
    const type = structOf({ data: opaqueUpTo(100), text: string, long: string, id: uuid })
    const value = {
      data: Buffer.from('abc'),
      text: 'short',
      long: 'x'.repeat(100),
      id: `${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`,
    }
    const memory = Buffer.from(encodeToBytes(type, value))
    const reader = new XdrReader(memory)
    const decoded = decode(type, reader)
    memory.fill(0xee)
    expect(decoded).toEqual(value)
    const other = Buffer.from('data')
    const kept = reader.moveTo(other, 0, 4).rest()
    other.fill(0xee)
    expect(kept).toEqual(Buffer.from('data'))
  })
})

describe('encode', () => {
  it.each<[string, AnyType, unknown, string]>([
    ['flags that are left out as 0', flags, undefined, '00000000'],
    ['negative flags as bit 31', flags, 1 << 31, '80000000'],
    ['a number as 64 bits', uhyper, 5, '0000000000000005'],
    ['a UUID without hyphens', uuid, 'ABCDEF00000000000000000000000001', 'abcdef00000000000000000000000001'],
    ['a string with zero padding', string, 'abcde', '000000056162636465000000'],
    ['chars as four bytes each, with their sign', charsUpTo(8), Buffer.from([1, 0xff]), '0000000200000001ffffffff'],
    ['a char array without a count', charArrayOf(2), 'a', '0000006100000000'],
  ])('writes %s', (_name, type, value, hex) => {
    expect(encodeToBytes(type, value).toString('hex')).toBe(hex)
  })
})
