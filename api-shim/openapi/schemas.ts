import { isInRange, MIN_VERSION, minorOf, type VersionText, versionText } from '../http/microversion.ts'
import type { Route } from '../routes/route.ts'
import { javascriptPattern } from '../validation/keywords.ts'
import {
  boolean,
  nonNegativeInteger,
  nonNegativeSize,
  positiveSize,
  quotaLimit,
  type Schema,
} from '../validation/schema.ts'

/** Has the keys of `x-openstack`, an extension in OpenStack's own OpenAPI documents. */
export interface VersionRange {
  'min-ver': VersionText
  'max-ver'?: VersionText
}

export const rangeOf = ({ since = MIN_VERSION, until }: Pick<Route, 'since' | 'until'>): VersionRange => ({
  'min-ver': since,
  ...(until === undefined ? {} : { 'max-ver': until }),
})

export interface VersionedSchema {
  range: VersionRange
  schema: Schema
}

/** The schemas of a route that apply at some microversion of the route, each with its range, oldest first. */
export function schemasOf(route: Pick<Route, 'since' | 'until'>, byVersion: Route['body'] = {}): VersionedSchema[] {
  const all = Object.entries(byVersion)
    .map(([key, schema]) => ({ from: minorOf(key as VersionText), schema }))
    .toSorted((a, b) => a.from - b.from)
  const [first, last] = [minorOf(route.since ?? MIN_VERSION), route.until]
  return all.flatMap(({ from, schema }, i): VersionedSchema[] => {
    const next = all[i + 1]
    const until = next ? versionText(next.from - 1) : last
    const range = { since: versionText(Math.max(from, first)), ...(until === undefined ? {} : { until }) }
    const isUsed = isInRange(minorOf(range.since), route) && isInRange(minorOf(range.since), range)
    return isUsed && schema ? [{ range: rangeOf(range), schema }] : []
  })
}

/** Many bodies share these schemas, which the document has once. */
export const sharedSchemas = { boolean, nonNegativeInteger, nonNegativeSize, positiveSize, quotaLimit } as const
const nameOfShared = new Map<unknown, string>(Object.entries(sharedSchemas).map(([name, schema]) => [schema, name]))

/** Converts patterns to JavaScript's syntax, and refers to the shared schemas. */
export function publicSchema(schema: unknown): unknown {
  const shared = nameOfShared.get(schema)
  return shared === undefined ? copySchema(schema) : { $ref: `#/components/schemas/${shared}` }
}

export function copySchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(publicSchema)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === 'pattern' && typeof value === 'string' ? javascriptPattern(value) : publicSchema(value),
    ]),
  )
}

/** The schemas below `components`, by name. */
export type Components = Map<string, object>

/** @returns references to the schemas */
export function addBodies(route: Route, components: Components): { $ref: string }[] {
  return schemasOf(route, route.body).map(({ range, schema }) => {
    const key = [route.service, slugOf(route.name), range['min-ver']].join('.')
    const actionName = route.action === undefined ? {} : { 'action-name': route.action }
    components.set(key, { ...(publicSchema(schema) as object), 'x-openstack': { ...range, ...actionName } })
    return { $ref: `#/components/schemas/${key}` }
  })
}

/** Makes a text usable in an identifier: each run of other characters becomes a hyphen. */
export const slugOf = (text: string): string => text.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^-+|-+$/g, '')
