/**
 * Validates values by JSON Schema (draft 2020-12) and finds the same first error, with the same text, as the Python
 * library jsonschema, whose messages Nova passes on to clients. Pure.
 */
import { checkFormat } from './formats.ts'
import { isType, type Keywords, keyword, type Problem } from './keywords.ts'
import { pythonRepr } from './python.ts'
import type { Schema } from './schema.ts'

export type { Problem } from './keywords.ts'

/** The first problem of a value, in the order of the schema's keywords; undefined if the value is valid. */
export function findProblem(schema: Schema, value: unknown): Problem | undefined {
  for (const [name, argument] of Object.entries(schema)) {
    const problem = structural[name]?.(argument, value, schema) ?? checkSimple(name, argument, value, schema)
    if (problem) return problem
  }
  return undefined
}

const isValid = (schema: Schema, value: unknown): boolean => findProblem(schema, value) === undefined

function checkSimple(name: string, argument: unknown, value: unknown, schema: Keywords): Problem | undefined {
  if (name === 'format') return checkFormat(String(argument), value)
  const message = keyword[name]?.(argument, value, schema)
  return message === undefined ? undefined : { path: [], value, message }
}

type Check = (argument: unknown, value: unknown, schema: Keywords) => Problem | undefined
const check = (fn: (argument: never, value: unknown, schema: Keywords) => Problem | undefined): Check => fn as Check

function descend(schema: Schema, value: unknown, key: string | number): Problem | undefined {
  const problem = findProblem(schema, value)
  return problem && { ...problem, path: [key, ...problem.path] }
}

function firstOf<T>(items: Iterable<T>, find: (item: T) => Problem | undefined): Problem | undefined {
  for (const item of items) {
    const problem = find(item)
    if (problem) return problem
  }
  return undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => isType(value, 'object')
const matches = (pattern: string, text: string): boolean => keyword['pattern']?.(pattern, text, {}) === undefined
const none = (value: unknown, text: string): Problem => ({ path: [], value, message: `${pythonRepr(value)} ${text}` })

/** The keywords that hold further schemas. */
const structural: Readonly<Record<string, Check>> = {
  properties: check((properties: Readonly<Record<string, Schema>>, value) =>
    isObject(value)
      ? firstOf(Object.entries(properties), ([key, schema]) =>
          Object.hasOwn(value, key) ? descend(schema, value[key], key) : undefined,
        )
      : undefined,
  ),
  patternProperties: check((patterns: Readonly<Record<string, Schema>>, value) =>
    isObject(value)
      ? firstOf(Object.entries(patterns), ([pattern, schema]) =>
          firstOf(Object.entries(value), ([key, member]) =>
            matches(pattern, key) ? descend(schema, member, key) : undefined,
          ),
        )
      : undefined,
  ),
  additionalProperties: check((allowed: boolean | Schema, value, schema) =>
    isObject(value) ? checkAdditional(allowed, value, schema) : undefined,
  ),
  prefixItems: check((schemas: readonly Schema[], value) =>
    Array.isArray(value)
      ? firstOf(schemas.entries(), ([i, schema]) => (i < value.length ? descend(schema, value[i], i) : undefined))
      : undefined,
  ),
  items: check((schema: Schema, value) =>
    Array.isArray(value) ? firstOf(value.entries(), ([i, item]) => descend(schema, item, i)) : undefined,
  ),
  allOf: check((schemas: readonly Schema[], value) => firstOf(schemas, (schema) => findProblem(schema, value))),
  anyOf: check((schemas: readonly Schema[], value) =>
    schemas.some((schema) => isValid(schema, value))
      ? undefined
      : none(value, 'is not valid under any of the given schemas'),
  ),
  oneOf: check((schemas: readonly Schema[], value) => {
    const valid = schemas.filter((schema) => isValid(schema, value))
    if (valid.length === 1) return undefined
    if (valid.length === 0) return none(value, 'is not valid under any of the given schemas')
    return none(value, `is valid under each of ${[...valid.slice(1), ...valid.slice(0, 1)].map(pythonRepr).join(', ')}`)
  }),
  not: check((schema: Schema, value) =>
    isValid(schema, value) ? none(value, `should not be valid under ${pythonRepr(schema)}`) : undefined,
  ),
}

/** The properties that neither `properties` nor a pattern names. */
function extrasOf(
  value: Readonly<Record<string, unknown>>,
  { properties = {}, patternProperties = {} }: Keywords,
): string[] {
  const patterns = Object.keys(patternProperties as object)
  return Object.keys(value).filter(
    (key) => !Object.hasOwn(properties as object, key) && !patterns.some((pattern) => matches(pattern, key)),
  )
}

function checkAdditional(
  allowed: boolean | Schema,
  value: Readonly<Record<string, unknown>>,
  schema: Keywords,
): Problem | undefined {
  if (allowed === true) return undefined
  const extras = extrasOf(value, schema)
  if (extras.length === 0) return undefined
  if (allowed !== false) return firstOf(extras, (key) => descend(allowed, value[key], key))
  const names = extras.map(pythonRepr).toSorted().join(', ')
  const patterns = Object.keys(schema['patternProperties'] ?? {})
  const message =
    patterns.length > 0
      ? `${names} ${extras.length === 1 ? 'does' : 'do'} not match any of the regexes: ${patterns.map(pythonRepr).toSorted().join(', ')}`
      : `Additional properties are not allowed (${names} ${extras.length === 1 ? 'was' : 'were'} unexpected)`
  return { path: [], value, message }
}

/** With `additionalProperties: true`, drops the parameters that the schema does not know. */
export function dropUnknown<T>(query: Readonly<Record<string, T>>, schema: Schema): Record<string, T> {
  if (schema['additionalProperties'] !== true) return { ...query }
  const extras = new Set(extrasOf(query, schema))
  return Object.fromEntries(Object.entries(query).filter(([key]) => !extras.has(key)))
}

/**
 * Removes, at any depth, the properties that `additionalProperties: false` would refuse. If the schema of an object has
 * patterns for keys, its unknown properties stay, so that a wrong key is still refused.
 */
export function dropUnknownProperties(schema: Schema, value: unknown): void {
  if (!isObject(value)) return
  const {
    properties = {},
    patternProperties,
    additionalProperties,
  } = schema as {
    properties?: Readonly<Record<string, Schema>>
    patternProperties?: object
    additionalProperties?: unknown
  }
  if (additionalProperties === false && patternProperties === undefined)
    for (const key of extrasOf(value, schema)) Reflect.deleteProperty(value, key)
  for (const [key, member] of Object.entries(properties)) dropUnknownProperties(member, value[key])
}
