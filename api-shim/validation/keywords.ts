/** The keywords of JSON Schema that concern one value, with the messages of the Python library jsonschema. Pure. */
import { pythonRepr } from './python.ts'

export type Keywords = Readonly<Record<string, unknown>>

/** Why a value is invalid. */
export interface Problem {
  /** The keys that lead to the invalid member. Empty: the value itself is invalid. */
  path: readonly (string | number)[]
  /** The invalid member. */
  value: unknown
  message: string
  /** true: the message is complete; the path and the value do not precede it. */
  isComplete?: true
}

/** Returns the message if the value does not satisfy the keyword. */
type Keyword = (argument: unknown, value: unknown, schema: Keywords) => string | undefined
const check = (fn: (argument: never, value: unknown, schema: Keywords) => string | undefined): Keyword => fn as Keyword

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null || value === undefined,
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => typeof value === 'number' && Number.isInteger(value),
  array: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}
export const isType = (value: unknown, type: string): boolean => types[type]?.(value) ?? false

/** As in jsonschema, and unlike in Python itself, `1` and `true` differ. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b) || a === b
  const [left, right] = [Object.entries(a), Object.entries(b)]
  if (Array.isArray(a) !== Array.isArray(b) || left.length !== right.length) return false
  return left.every(([key, value]) => Object.hasOwn(b, key) && isEqual(value, Reflect.get(b, key)))
}

const compiled = new Map<string, RegExp>()
/** An escaped character that needs no escape. Python allows it, JavaScript's Unicode patterns do not. */
const needlessEscape = /\\([@_ :,])/g
/** A schema's Python pattern, rewritten for JavaScript and JSON Schema. */
export const javascriptPattern = (pattern: string): string =>
  pattern.replaceAll('\\Z', '$').replace(needlessEscape, '$1')

/** Schemas are constants, so the cache is bounded. As in Python, `$` also matches before a line feed at the end. */
function compilePattern(pattern: string): RegExp {
  const known = compiled.get(pattern)
  if (known) return known
  const fresh = new RegExp(javascriptPattern(pattern.replace(/\$$/, '(?=\\n?$)')), 'u')
  compiled.set(pattern, fresh)
  return fresh
}

/** A number, or the number that a string means: Nova applies minimum and maximum to both. */
function toNumber(value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^\s*[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return undefined
  return Number(value.replaceAll('_', ''))
}

const sizeOf = (value: unknown): number | undefined => (Array.isArray(value) ? value.length : undefined)
const lengthOf = (value: unknown): number | undefined =>
  typeof value === 'string' ? Array.from(value).length : undefined
const countOf = (value: unknown): number | undefined =>
  isType(value, 'object') ? Object.keys(value as object).length : undefined

type Measure = (value: unknown) => number | undefined
const atLeast = (measure: Measure, tooFew: string): Keyword =>
  check((least: number, value) => {
    const size = measure(value)
    if (size === undefined || size >= least) return undefined
    return `${pythonRepr(value)} ${least === 1 ? 'should be non-empty' : tooFew}`
  })
const atMost = (measure: Measure, tooMany: string): Keyword =>
  check((most: number, value) => {
    const size = measure(value)
    if (size === undefined || size <= most) return undefined
    return `${pythonRepr(value)} ${most === 0 ? 'is expected to be empty' : tooMany}`
  })

export const keyword: Readonly<Record<string, Keyword>> = {
  type: check((argument: string | readonly string[], value) => {
    const allowed = typeof argument === 'string' ? [argument] : argument
    if (allowed.some((type) => isType(value, type))) return undefined
    return `${pythonRepr(value)} is not of type ${allowed.map(pythonRepr).join(', ')}`
  }),
  enum: check((values: readonly unknown[], value) =>
    values.some((allowed) => isEqual(allowed, value))
      ? undefined
      : `${pythonRepr(value)} is not one of ${pythonRepr(values)}`,
  ),
  const: check((expected: unknown, value) =>
    isEqual(expected, value) ? undefined : `${pythonRepr(expected)} was expected`,
  ),
  required: check((names: readonly string[], value) => {
    if (!isType(value, 'object')) return undefined
    const missing = names.find((name) => !Object.hasOwn(value as object, name))
    return missing === undefined ? undefined : `${pythonRepr(missing)} is a required property`
  }),
  pattern: check((pattern: string, value) =>
    typeof value !== 'string' || compilePattern(pattern).test(value)
      ? undefined
      : `${pythonRepr(value)} does not match ${pythonRepr(pattern)}`,
  ),
  minimum: check((least: number, value) => {
    const number = toNumber(value)
    if (number === undefined || number >= least) return undefined
    return `${pythonRepr(number)} is less than the minimum of ${pythonRepr(least)}`
  }),
  exclusiveMinimum: check((bound: number, value) => {
    const number = toNumber(value)
    if (number === undefined || number > bound) return undefined
    return `${pythonRepr(number)} is less than or equal to the minimum of ${pythonRepr(bound)}`
  }),
  maximum: check((most: number, value) => {
    const number = toNumber(value)
    if (number === undefined || number <= most) return undefined
    return `${pythonRepr(number)} is greater than the maximum of ${pythonRepr(most)}`
  }),
  uniqueItems: check((_: true, value) => {
    if (!Array.isArray(value)) return undefined
    const isRepeated = value.some((item, i) => value.slice(0, i).some((other) => isEqual(item, other)))
    return isRepeated ? `${pythonRepr(value)} has non-unique elements` : undefined
  }),
  minLength: atLeast(lengthOf, 'is too short'),
  maxLength: atMost(lengthOf, 'is too long'),
  minItems: atLeast(sizeOf, 'is too short'),
  maxItems: atMost(sizeOf, 'is too long'),
  minProperties: atLeast(countOf, 'does not have enough properties'),
  maxProperties: atMost(countOf, 'has too many properties'),
}
