/**
 * JSON Schemas of requests, with their TypeScript types. The order of the keywords is that of Nova's schemas, because
 * only the first mistake is reported.
 */

declare const described: unique symbol

/** A JSON Schema. The type parameter is the type of a valid value, for the compiler only. */
export type Schema<T = unknown> = Readonly<Record<string, unknown>> & { readonly [described]?: T }

export type TypeOf<S> = S extends { readonly [described]?: infer T } ? Exclude<T, undefined> : never

type Keywords = Readonly<Record<string, unknown>>
type Properties = Readonly<Record<string, Schema>>
type ObjectType<P extends Properties, R extends keyof P> = { [K in R]: TypeOf<P[K]> } & {
  [K in Exclude<keyof P, R>]?: TypeOf<P[K]>
}

/** A schema from keywords as they are, for what the functions below do not express. */
export const schemaFrom = <T>(keywords: Keywords): Schema<T> => keywords

export const stringSchema = (keywords: Keywords = {}): Schema<string> => schemaFrom({ type: 'string', ...keywords })
export const integerSchema = (keywords: Keywords = {}): Schema<number> => schemaFrom({ type: 'integer', ...keywords })
export const nothing: Schema<null> = schemaFrom({ type: 'null' })

/** A schema with several types: `schemaOfTypes(['string', 'null'])`. */
export const schemaOfTypes = <T>(types: readonly string[], keywords: Keywords = {}): Schema<T> =>
  schemaFrom({ type: [...types], ...keywords })

/** The other keywords come first, so that a value of a wrong type is reported as such. */
export const oneOf = <const V extends readonly unknown[]>(values: V, keywords: Keywords = {}): Schema<V[number]> =>
  schemaFrom({ ...keywords, enum: values })

export const arraySchema = <T>(items: Schema<T>, keywords: Keywords = {}): Schema<T[]> =>
  schemaFrom({ type: 'array', items, ...keywords })

export interface ObjectOptions<R> {
  required?: readonly R[]
  /** Whether other properties are allowed. Default false. */
  additionalProperties?: boolean
  keywords?: Keywords
}

/** An object. Its keywords are in the order type, properties, required, additionalProperties. */
export function objectSchema<P extends Properties, const R extends keyof P & string = never>(
  properties: P,
  { required = [], additionalProperties = false, keywords = {} }: ObjectOptions<R> = {},
): Schema<ObjectType<P, R>> {
  return schemaFrom({
    type: 'object',
    ...keywords,
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties,
  })
}

/** Everything that Nova takes for a boolean in a body. */
const TRUE = [true, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes']
const FALSE = [false, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no']
export const boolean: Schema<boolean | string> = schemaFrom({ type: ['boolean', 'string'], enum: [...TRUE, ...FALSE] })
export const isTrue = (value: unknown): boolean => TRUE.includes(value as string)

/** A query, whose parameters may be repeated unless their schema is a singleParameter. */
export interface QueryOptions {
  /** true: a parameter that is not listed is dropped. false: it is a 400. */
  additionalProperties?: boolean
  patternProperties?: Properties
}

/** A parameter that may be repeated: the query has an array of its values. */
export const repeatedParameter = (value: Schema): Schema => schemaFrom({ type: 'array', items: value })
/** A parameter that may be given once. */
export const singleParameter = (value: Schema): Schema => schemaFrom({ type: 'array', items: value, maxItems: 1 })

export const querySchema = (
  properties: Properties,
  { additionalProperties = true, patternProperties }: QueryOptions = {},
): Schema =>
  schemaFrom({
    type: 'object',
    properties,
    ...(patternProperties === undefined ? {} : { patternProperties }),
    additionalProperties,
  })

export const nonNegativeInteger: Schema<string> = schemaFrom({
  type: ['integer', 'string'],
  pattern: '^[0-9]*$',
  minimum: 0,
  minLength: 1,
})
export const positiveInteger: Schema<string> = schemaFrom({ ...nonNegativeInteger, minimum: 1 })
const MAX_INT = 0x7f_ff_ff_ff
const sizeFrom = (minimum: number): Schema<number | string> =>
  schemaFrom({ type: ['integer', 'string'], pattern: '^[0-9]+$', minimum, maximum: MAX_INT })
/** Sizes of flavors: whole numbers, or texts with their digits. */
export const positiveSize = sizeFrom(1)
export const nonNegativeSize = sizeFrom(0)
/** A limit of a quota; -1 means that there is no limit. */
export const quotaLimit: Schema<number | string> = schemaFrom({
  type: ['integer', 'string'],
  pattern: '^-?[0-9]+$',
  minimum: -1,
  maximum: MAX_INT,
})

export const pagination = { limit: repeatedParameter(nonNegativeInteger), marker: repeatedParameter(stringSchema()) }
