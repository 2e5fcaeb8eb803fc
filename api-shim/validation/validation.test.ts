import { describe, expect, it } from 'vitest'
import { pythonRepr } from './python.ts'
import { parseQuery, validateBody, validateQuery } from './request.ts'
import {
  arraySchema,
  boolean,
  nonNegativeInteger,
  objectSchema,
  querySchema,
  repeatedParameter,
  type Schema,
  schemaFrom,
  stringSchema,
} from './schema.ts'
import { findProblem } from './validate.ts'

const server = objectSchema(
  { name: stringSchema({ minLength: 1, maxLength: 5 }), flavorRef: stringSchema() },
  { required: ['name', 'flavorRef'] },
)
const body = objectSchema({ server }, { required: ['server'] })

const messageOf = (schema: Schema, value: unknown): string | undefined => {
  try {
    validateBody(schema, value)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

describe('validateBody', () => {
  // The texts are those of a real Nova.
  it.each<[unknown, string]>([
    [null, "None is not of type 'object'"],
    [[], "[] is not of type 'object'"],
    ['text', "'text' is not of type 'object'"],
    [1, "1 is not of type 'object'"],
    [{}, "'server' is a required property"],
    [{ server: null }, "Invalid input for field/attribute server. Value: None. None is not of type 'object'"],
    [{ server: 'x' }, "Invalid input for field/attribute server. Value: x. 'x' is not of type 'object'"],
    [{ server: true }, "Invalid input for field/attribute server. Value: True. True is not of type 'object'"],
    [{ server: {}, other: {} }, "Invalid input for field/attribute server. Value: {}. 'name' is a required property"],
    [
      { server: { name: Number.NaN, flavorRef: 'f' } },
      "Invalid input for field/attribute name. Value: nan. nan is not of type 'string'",
    ],
    [
      { server: { name: '', flavorRef: 'f' } },
      "Invalid input for field/attribute name. Value: . '' should be non-empty",
    ],
    [
      { server: { name: 'toolong', flavorRef: 'f' } },
      "Invalid input for field/attribute name. Value: toolong. 'toolong' is too long",
    ],
    [
      { server: { name: 'n', flavorRef: 'f', x: 1 } },
      "Invalid input for field/attribute server. Value: {'name': 'n', 'flavorRef': 'f', 'x': 1}. Additional properties are not allowed ('x' was unexpected)",
    ],
  ])('answers %j with the text of Nova', (value, message) => {
    expect(messageOf(body, value)).toBe(message)
  })

  it('accepts a valid body', () => {
    expect(messageOf(body, { server: { name: 'n', flavorRef: 'f' } })).toBeUndefined()
  })

  it('names the pattern of the keys when a key matches none', () => {
    const metadata = schemaFrom({
      type: 'object',
      patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: 'string', maxLength: 255 } },
      additionalProperties: false,
    })
    expect(messageOf(objectSchema({ metadata }), { metadata: { '': 'v' } })).toBe(
      "Invalid input for field/attribute metadata. Value: {'': 'v'}. '' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'",
    )
  })

  it('reads numbers in strings for minimum and maximum', () => {
    const count = schemaFrom({ type: ['integer', 'string'], pattern: '^-?[0-9]+$', minimum: 1 })
    expect(messageOf(objectSchema({ count }), { count: '0' })).toBe(
      'Invalid input for field/attribute count. Value: 0. 0 is less than the minimum of 1',
    )
  })

  it('lists all words for a boolean, and tells 1 from true', () => {
    expect(messageOf(objectSchema({ b: boolean }), { b: 'x' })).toContain(
      "'x' is not one of [True, 'True', 'TRUE', 'true', '1'",
    )
    expect(messageOf(objectSchema({ b: boolean }), { b: 1 })).toContain("1 is not of type 'boolean', 'string'")
  })

  it('gives the index of an invalid item', () => {
    expect(messageOf(objectSchema({ list: arraySchema(stringSchema()) }), { list: ['a', 1] })).toBe(
      "Invalid input for field/attribute 1. Value: 1. 1 is not of type 'string'",
    )
  })

  it('drops unknown properties, but not unknown keys of a map, when it is relaxed', () => {
    const value = { server: { name: 'n', flavorRef: 'f', x: 1 }, y: 2 }
    validateBody(body, value, { isRelaxed: true })
    expect(value).toEqual({ server: { name: 'n', flavorRef: 'f' } })
  })
})

describe('validateQuery', () => {
  const loose = querySchema({
    limit: repeatedParameter(nonNegativeInteger),
    name: repeatedParameter(stringSchema({ format: 'regex' })),
  })

  it('drops parameters that the schema does not know', () => {
    expect(validateQuery(loose, parseQuery('limit=1&bogus=2'))).toEqual({ limit: ['1'] })
  })

  it('refuses a parameter that it does not know when the schema is strict', () => {
    const strict = querySchema(
      {},
      { patternProperties: { '^_': repeatedParameter(stringSchema()) }, additionalProperties: false },
    )
    expect(() => validateQuery(strict, parseQuery('bogus=1'))).toThrow(
      "'bogus' does not match any of the regexes: '^_'",
    )
  })

  it.each([
    ['limit=-1', "Invalid input for query parameters limit. Value: -1. '-1' does not match '^[0-9]*$'"],
    ['limit=', "Invalid input for query parameters limit. Value: . '' should be non-empty"],
    ['name=(', "Invalid input for query parameters name. Value: (. '(' is not a 'regex'"],
  ])('answers %s with the text of Nova', (text, message) => {
    expect(() => validateQuery(loose, parseQuery(text))).toThrow(message)
  })

  it('reads a parameter named like a member of all objects', () => {
    expect(parseQuery('__proto__=1&constructor=2')['constructor']).toEqual(['2'])
  })
})

describe('pythonRepr', () => {
  it.each<[unknown, string]>([
    ["it's", `"it's"`],
    [`it's "x"`, `'it\\'s "x"'`],
    ['a\n\u0001é\u2028', "'a\\n\\x01é\\u2028'"],
    [{ a: [null, true, 1.5] }, "{'a': [None, True, 1.5]}"],
    [1e-7, '1e-07'],
  ])('prints %j as Python does', (value, text) => {
    expect(pythonRepr(value)).toBe(text)
  })
})

describe('formats of names', () => {
  it.each([
    ['a\n', true],
    ['\n', false],
    [' a', false],
    ['漢字', true],
    ['a💥', false],
    ['a\u200bb', false],
  ])('judges %j as Nova does', (name, isValid) => {
    expect(findProblem(stringSchema({ format: 'name' }), name) === undefined).toBe(isValid)
  })
})
