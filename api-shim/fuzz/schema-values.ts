/** Generates JSON values that a schema accepts, mostly: `not`, `if` and look-around are ignored. */
import fc, { type Arbitrary } from 'fast-check'
import type { Schema } from '../validation/schema.ts'
import { inheritedNames } from './mutations.ts'

type Keywords = Readonly<Record<string, unknown>>

export interface ValueOptions {
  /** IDs and names of existing objects. A fifth of all strings without a pattern are among them. */
  known?: readonly string[]
  /** Values for properties with these names, whatever their schema. */
  fixed?: Readonly<Record<string, string>>
}

/** @example fc.sample(valuesOf(string({ maxLength: 3 }))) */
export function valuesOf(schema: Schema, options: ValueOptions = {}): Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema['const'])
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]))
  for (const name of ['oneOf', 'anyOf'] as const)
    if (Array.isArray(schema[name]))
      return fc.oneof(...(schema[name] as Schema[]).map((part) => valuesOf(mergeSchemas(schema, part, name), options)))
  if (Array.isArray(schema['allOf']))
    return valuesOf(
      (schema['allOf'] as Schema[]).reduce((all, part) => mergeSchemas(all, part, 'allOf'), schema),
      options,
    )
  const types = typesOf(schema)
  return fc.oneof(...types.map((type) => (valuesOfType[type] ?? fc.jsonValue)(schema, options)))
}

function mergeSchemas(all: Schema, part: Schema, without: string): Schema {
  const { [without]: _parts, ...rest } = all as Keywords
  return {
    ...rest,
    ...(part as Keywords),
    ...(rest['properties'] && part['properties']
      ? { properties: { ...rest['properties'], ...part['properties'] } }
      : {}),
  }
}

function typesOf(schema: Schema): string[] {
  const { type } = schema
  if (type !== undefined) return [type].flat() as string[]
  if ('properties' in schema || 'patternProperties' in schema) return ['object']
  return 'items' in schema || 'prefixItems' in schema ? ['array'] : ['string']
}

const boundOf = (schema: Schema, name: string, byDefault: number): number =>
  typeof schema[name] === 'number' ? schema[name] : byDefault

const valuesOfType: Readonly<Record<string, (schema: Schema, options: ValueOptions) => Arbitrary<unknown>>> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  integer: (schema) => integersOf(schema),
  number: (schema) =>
    fc.double({ min: boundOf(schema, 'minimum', -1e9), max: boundOf(schema, 'maximum', 1e9), noNaN: true }),
  string: stringsOf,
  array: arraysOf,
  object: objectsOf,
}

const integersOf = (schema: Schema): Arbitrary<number> =>
  fc.integer({ min: boundOf(schema, 'minimum', -2), max: boundOf(schema, 'maximum', 4096) })

const formats: Readonly<Record<string, Arbitrary<string>>> = {
  uuid: fc.uuid(),
  ipv4: fc.ipV4(),
  ipv6: fc.ipV6(),
  regex: fc.constantFrom('a', '^a.*$', '(a+)+$', '[a-z]{1,3}'),
  'date-time': fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02', '2030-01-01T00:00:00.123+02:00'),
  base64: fc.base64String({ maxLength: 40 }),
}

const characters = fc.constantFrom(
  ...'abcXYZ0159-_.:/, @%$[](){}\'"\\'.split(''),
  'é',
  '漢',
  '💥',
  '\u00a0',
  '\u200b',
  '\u2028',
  '\n',
)

function stringsOf(schema: Schema, { known = [] }: ValueOptions): Arbitrary<string> {
  const [minLength, maxLength] = [boundOf(schema, 'minLength', 0), boundOf(schema, 'maxLength', 40)]
  const { format, pattern } = schema
  const formatted = typeof format === 'string' ? formats[format] : undefined
  const fits = (text: string): boolean => text.length >= minLength && text.length <= maxLength
  const named = [known, inheritedNames]
    .map((names) => names.filter(fits))
    .filter((names) => names.length > 0)
    .map((names) => ({ arbitrary: fc.constantFrom(...names), weight: 1 }))
  const free =
    formatted ??
    (typeof pattern === 'string'
      ? matching(pattern, maxLength)
      : fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)), unit: characters }))
  return fc.oneof({ arbitrary: free, weight: 3 }, ...(pattern === undefined ? named : []))
}

function matching(pattern: string, maxLength: number): Arbitrary<string> {
  try {
    return fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(maxLength, 60) })
  } catch {
    return fc.constantFrom('a', 'abc', '/dev/vdb', '1', 'a b')
  }
}

function arraysOf(schema: Schema, options: ValueOptions): Arbitrary<unknown[]> {
  const { items, prefixItems } = schema
  if (Array.isArray(prefixItems)) return fc.tuple(...(prefixItems as Schema[]).map((item) => valuesOf(item, options)))
  const minLength = boundOf(schema, 'minItems', 0)
  const maxLength = Math.max(minLength, Math.min(boundOf(schema, 'maxItems', 3), 3))
  return fc.array(items === undefined ? fc.jsonValue() : valuesOf(items as Schema, options), { minLength, maxLength })
}

function objectsOf(schema: Schema, options: ValueOptions): Arbitrary<object> {
  const {
    properties = {},
    patternProperties = {},
    required = [],
    additionalProperties,
  } = schema as {
    properties?: Readonly<Record<string, Schema>>
    patternProperties?: Readonly<Record<string, Schema>>
    required?: readonly string[]
    additionalProperties?: boolean | Schema
  }
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, member]) => [name, memberOf(name, member, options)]),
  )
  const extras = [
    ...Object.entries(patternProperties).map(([pattern, member]) =>
      dictionaryOf(matching(pattern, 60), member, options),
    ),
    ...(typeof additionalProperties === 'object'
      ? [dictionaryOf(fc.string({ minLength: 1, maxLength: 20 }), additionalProperties, options)]
      : []),
  ]
  const own = fc.record(members, { requiredKeys: required.filter((name) => name in members) })
  return fc.tuple(own, ...extras).map((parts) => Object.assign({}, ...parts) as object)
}

function memberOf(name: string, schema: Schema, options: ValueOptions): Arbitrary<unknown> {
  const { fixed = {} } = options
  return Object.hasOwn(fixed, name) ? fc.constant(fixed[name]) : valuesOf(schema, options)
}

const dictionaryOf = (key: Arbitrary<string>, member: Schema, options: ValueOptions): Arbitrary<object> =>
  fc.dictionary(key, valuesOf(member, options), { maxKeys: 3 })
