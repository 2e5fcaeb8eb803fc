import fc, { type Arbitrary } from 'fast-check'
import { mutateValues, shortStrangeValues } from '../../../api-shim/fuzz/mutations.ts'
import { valuesOf } from '../../../api-shim/fuzz/schema-values.ts'
import { isInRange, selectByVersion } from '../../../api-shim/http/microversion.ts'
import { allRoutes } from '../../../api-shim/routes/index.ts'
import type { Route } from '../../../api-shim/routes/route.ts'
import type { Schema } from '../../../api-shim/validation/schema.ts'
import { findProblem } from '../../../api-shim/validation/validate.ts'
import { type Case, comparedVersions, type NovaRoute, selectNovaSchema, shapeOf } from './nova.ts'

export interface RequestCase extends Case {
  /** undefined: the shim accepts the value. */
  problem: string | undefined
}

export interface SchemaPair {
  nova: NovaRoute
  kind: 'request' | 'query'
  version: number
  /** A side that has no schema gets the empty schema, which accepts every value. */
  ours: Schema
  novas: Schema
}

const routeOf = (nova: NovaRoute, version: number): Route | undefined =>
  allRoutes.find(
    (route) =>
      route.service === 'compute' &&
      route.method === nova.method &&
      shapeOf(route.path) === shapeOf(nova.path) &&
      (route.action ?? null) === nova.action &&
      isInRange(version, route),
  )

export function pairSchemas(novaRoutes: readonly NovaRoute[]): SchemaPair[] {
  return novaRoutes.flatMap((nova) =>
    (['request', 'query'] as const).flatMap((kind) => {
      const pairs = comparedVersions.flatMap((version) => pairAt(nova, kind, version) ?? [])
      return pairs.filter(
        ({ ours, novas }, index) => !pairs.slice(0, index).some((pair) => pair.ours === ours && pair.novas === novas),
      )
    }),
  )
}

const takesAll: Schema = {}

function pairAt(nova: NovaRoute, kind: SchemaPair['kind'], version: number): SchemaPair | undefined {
  const route = routeOf(nova, version)
  if (!route || /^(removed|proxy):/.test(route.name)) return undefined
  const ours = selectByVersion((kind === 'request' ? route.body : route.query) ?? {}, version)
  const novas = selectNovaSchema(nova[kind], version)?.schema
  if (!ours && !novas) return undefined
  return { nova, kind, version, ours: ours ?? takesAll, novas: novas ?? takesAll }
}

export function casesOf(
  { nova, kind, version, ours, novas }: SchemaPair,
  numRuns: number,
  seed: number,
): RequestCase[] {
  const values = fc.oneof(generate(kind, ours), generate(kind, novas))
  const { method, path, action } = nova
  // Nova chooses the route by the body's only key, the name of the action.
  const reaches = (value: unknown): boolean =>
    action === null || kind === 'query' || String(Object.keys(Object(value) as object)) === action
  return fc.sample(values, { numRuns, seed }).flatMap((sample) => {
    // Drop what JSON cannot express, such as undefined: it would reach neither side.
    const value = JSON.parse(JSON.stringify(sample)) as unknown
    if (!reaches(value)) return []
    return [{ method, path, action, kind, version, value, problem: findProblem(ours, value)?.message }]
  })
}

function generate(kind: SchemaPair['kind'], schema: Schema): Arbitrary<unknown> {
  const values = valuesOf(schema)
  return kind === 'request'
    ? fc.oneof(values, mutateValues(values, shortStrangeValues))
    : fc.oneof(values, mutateQuery(values)).map(asQuery)
}

const mutateQuery = (queries: Arbitrary<unknown>): Arbitrary<unknown> =>
  fc
    .tuple(queries, fc.nat(20), fc.constantFrom(...strangeParameters), fc.boolean())
    .map(([query, choice, values, addsName]) => {
      const names = Object.keys(query as object)
      const name = addsName || names.length === 0 ? 'unexpected' : (names[choice % names.length] ?? '')
      return { ...(query as object), [name]: values }
    })

const strangeParameters = [
  [''],
  ['-1'],
  ['1', '1'],
  ['x', 'y'],
  ['(a'],
  ['[a-z]'],
  ['1.5'],
  ['99999999999'],
  [' 1'],
  ['true'],
  ['\u00e9'],
  ['x'.repeat(300)],
]

/** All values of queries are texts. */
const asQuery = (query: unknown): unknown =>
  Object.fromEntries(Object.entries(query as object).map(([name, values]) => [name, [values].flat().map(String)]))
