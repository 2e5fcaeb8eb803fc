import { newBadRequest, newNotFound } from '../../http/fault.ts'
import { type SortKey, sortItems } from '../../http/pages.ts'
import type { Query } from '../../validation/request.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'

const defineNetworkRoute = defineRouteOf('network')
export type Request = RouteRequest<never>

export interface Collection {
  plural: string
  singular: string
  /** The path below the version; default: the plural with dashes. */
  path?: string
  /** Neutron's word in the message for an object that does not exist. */
  word: string
  list(request: Request): Promise<object[]> | object[]
}

const notFilters = new Set(['fields', 'limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir', 'tenant_id'])

/** A parameter that is not in `notFilters` names a property of the object; repeated, it allows several values. */
function matches(item: object, { query }: Request): boolean {
  const isMatch = ([name, values]: [string, readonly string[]]): boolean =>
    notFilters.has(name) ||
    !Object.hasOwn(item, name) ||
    values.some((value) => hasValue(Reflect.get(item, name), value))
  const tenants = query['tenant_id']
  const project: unknown = Reflect.get(item, 'project_id')
  return Object.entries(query).every(isMatch) && (tenants?.includes(String(project)) ?? true)
}

/**
 * Whether the value is the wanted one. A list matches if one of its members matches. A member that is an object matches
 * a text `name=value`, such as `ip_address=10.0.0.5`.
 */
function hasValue(actual: unknown, wanted: string): boolean {
  if (Array.isArray(actual)) return actual.some((member) => hasMember(member, wanted))
  if (typeof actual === 'boolean') return actual === ['true', '1', 't', 'yes'].includes(wanted.toLowerCase())
  return String((actual as string | number | null | undefined) ?? '') === wanted
}

function hasMember(member: unknown, wanted: string): boolean {
  if (typeof member !== 'object' || member === null) return String(member) === wanted
  const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(wanted) ?? []
  return Object.hasOwn(member, name) && String(Reflect.get(member, name)) === value
}

function selectFields(item: object, { query }: Request): object {
  const fields = query['fields']
  return fields ? Object.fromEntries(Object.entries(item).filter(([name]) => fields.includes(name))) : item
}

function sortKeysOf({ sort_key: keys = [], sort_dir: directions = [] }: Query): SortKey<object>[] {
  if (directions.length > 0 && keys.length !== directions.length)
    throw newBadRequest('The number of sort_keys and sort_dirs must be same')
  const wrong = directions.find((direction) => direction !== 'asc' && direction !== 'desc')
  if (wrong !== undefined) throw newBadRequest(`The value of sort_dir is invalid: ${wrong}`)
  return [...keys, 'id'].map((key, i) => ({
    valueOf: (item) => String(Reflect.get(item, key) ?? ''),
    descending: directions[i] === 'desc',
  }))
}

const idOf = (item: object): string => String(Reflect.get(item, 'id'))

interface Page {
  items: object[]
  hasMore: boolean
}

/** `page_reverse` asks for the page before the marker. Without a limit there are no pages. */
function cutPage(items: readonly object[], query: Query, word: string): Page {
  const size = pageSizeOf(query)
  const marker = query['marker']?.at(-1)
  const isReversed = query['page_reverse']?.at(-1)?.toLowerCase() === 'true'
  const ordered = isReversed ? items.toReversed() : items
  const at = marker === undefined ? -1 : ordered.findIndex((item) => idOf(item) === marker)
  if (marker !== undefined && at < 0) throw newNotFound(`${word} ${marker} could not be found.`)
  const rest = ordered.slice(at + 1)
  const page = rest.slice(0, size)
  return { items: isReversed ? page.toReversed() : page, hasMore: page.length < rest.length }
}

function pageSizeOf(query: Query): number {
  const limit = query['limit']?.at(-1)
  if (limit !== undefined && !/^\d+$/.test(limit))
    throw newBadRequest(`Invalid input for operation: '${limit}' is not an integer.`)
  return Number(limit ?? 0) || Number.POSITIVE_INFINITY
}

function linksOf({ query, links }: Request, path: string, { items, hasMore }: Page): object[] {
  if (query['limit'] === undefined) return []
  const link = (rel: 'next' | 'previous', item: object | undefined, more: [string, string][]): object[] => {
    if (!item) return []
    const pairs = Object.entries(query).flatMap(([name, values]) =>
      name === 'marker' || name === 'page_reverse' ? [] : values.map((value): [string, string] => [name, value]),
    )
    return [
      {
        rel,
        href: `${links.self(path)}?${new URLSearchParams([...pairs, ['marker', idOf(item)], ...more]).toString()}`,
      },
    ]
  }
  const hasPrevious = query['marker'] !== undefined
  return [
    ...(hasMore ? link('next', items.at(-1), []) : []),
    ...(hasPrevious ? link('previous', items[0], [['page_reverse', 'True']]) : []),
  ]
}

export function readRoutesOf(collection: Collection): Route[] {
  const { plural, singular, word, list, path = plural.replaceAll('_', '-') } = collection
  const policy = { rule: `get_${singular}`, role: 'reader' } as const
  return [
    defineNetworkRoute<never>({
      name: `${plural}:list`,
      method: 'GET',
      path: `/${path}`,
      success: 200,
      policy,
      async handle(request) {
        const found = (await list(request)).filter((item) => matches(item, request))
        const page = cutPage(sortItems(found, sortKeysOf(request.query)), request.query, word)
        const links = linksOf(request, path, page)
        return {
          body: {
            [plural]: page.items.map((item) => selectFields(item, request)),
            ...(links.length > 0 ? { [`${plural}_links`]: links } : {}),
          },
        }
      },
    }),
    defineNetworkRoute<never>({
      name: `${plural}:show`,
      method: 'GET',
      path: `/${path}/{id}`,
      success: 200,
      policy,
      async handle(request) {
        const id = request.params['id'] ?? ''
        const item = (await list(request)).find((candidate) => idOf(candidate) === id)
        if (!item) throw newNotFound(`${word} ${id} could not be found.`)
        return { body: { [singular]: selectFields(item, request) } }
      },
    }),
  ]
}
