import { MIN_VERSION } from '../http/microversion.ts'
import type { Route } from '../routes/route.ts'
import type { Schema } from '../validation/schema.ts'
import { publicSchema, schemasOf, type VersionRange } from './schemas.ts'

export interface Parameter {
  name: string
  in: 'path' | 'query'
  required?: true
  schema: unknown
  'x-openstack'?: VersionRange
}

export const pathParameters = (path: string): Parameter[] =>
  [...path.matchAll(/\{([^}]*)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))

/** Each parameter that any microversion has, with its newest schema. A parameter of all microversions has no range. */
export function queryParameters(routes: readonly Route[]): Parameter[] {
  const found = new Map<string, Parameter>()
  for (const route of routes)
    for (const { range, schema } of schemasOf(route, route.query))
      for (const [name, value] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
        const first = found.get(name)?.['x-openstack']?.['min-ver'] ?? range['min-ver']
        const last = range['max-ver']
        found.set(name, {
          name,
          in: 'query',
          // The shim keeps a parameter's values in an array. At most one value means a plain parameter.
          schema: publicSchema(value['maxItems'] === 1 ? value['items'] : value),
          'x-openstack': { 'min-ver': first, ...(last === undefined ? {} : { 'max-ver': last }) },
        })
      }
  return [...found.values()].map(({ 'x-openstack': range, ...parameter }) =>
    range === undefined || (range['min-ver'] === MIN_VERSION && range['max-ver'] === undefined)
      ? parameter
      : { ...parameter, 'x-openstack': range },
  )
}
