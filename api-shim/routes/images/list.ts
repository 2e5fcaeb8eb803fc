import { newBadRequest } from '../../http/fault.ts'
import { cutPage, type SortKey, sortItems } from '../../http/pages.ts'
import { getOwn } from '../../validation/get-own.ts'
import type { Query } from '../../validation/request.ts'
import type { GlanceImage } from '../../views/images.ts'
import { defineRouteOf } from '../route.ts'
import { findImage, listVisible, renderFound } from './find.ts'

const defineImageRoute = defineRouteOf('image')

/** Glance's options limit_param_default and api_limit_max. */
const DEFAULT_LIMIT = 25
const MAX_LIMIT = 1000

const sortable = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at']

function limitOf({ limit }: Query): number {
  const text = limit?.at(-1)
  if (text === undefined) return DEFAULT_LIMIT
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw newBadRequest('limit param must be an integer')
  if (Number(text) < 0) throw newBadRequest('limit param must be positive')
  return Math.min(Number(text), MAX_LIMIT)
}

/** Both forms: `sort=name:asc,size` and `sort_key=name&sort_dir=asc`. The default is created_at, newest first. */
function sortKeysOf({ sort, sort_key = [], sort_dir = [] }: Query): SortKey<GlanceImage>[] {
  if (sort && (sort_key.length > 0 || sort_dir.length > 0))
    throw newBadRequest('Old and new sorting syntax cannot be combined')
  const pairs = sort
    ? (sort.at(-1) ?? '').split(',').map((part) => part.split(':'))
    : pairUp(sort_key.length > 0 ? sort_key : ['created_at'], sort_dir)
  const keys = pairs.map(([key = '', direction]) => [key.trim(), direction?.trim() || 'desc'] as const)
  for (const [key, direction] of keys) checkSortKey(key, direction)
  // As in Glance, creation time and ID decide between otherwise equal images.
  return [...keys, ['created_at', 'desc'] as const, ['id', 'desc'] as const].map(([key, direction]) => ({
    valueOf: (image) => Reflect.get(image, key) ?? undefined,
    descending: direction === 'desc',
  }))
}

function checkSortKey(key: string, direction: string): void {
  if (!sortable.includes(key))
    throw newBadRequest(`Invalid sort key: ${key}. It must be one of the following: ${sortable.join(', ')}.`)
  if (direction !== 'asc' && direction !== 'desc') throw newBadRequest(`Invalid sort direction: ${direction}`)
}

function pairUp(keys: readonly string[], directions: readonly string[]): (string | undefined)[][] {
  if (directions.length > 1 && directions.length !== keys.length)
    throw newBadRequest('Number of sort dirs does not match the number of sort keys')
  return keys.map((key, i) => [key, directions.length === 1 ? directions[0] : directions[i]])
}

const notFilters = new Set(['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'member_status'])
const visibilities = ['community', 'public', 'private', 'shared', 'all']

function checkFilters({ visibility, 'changes-since': since, os_hidden: hidden, protected: kept }: Query): void {
  const wrong = visibility?.find((value) => !visibilities.includes(value))
  if (wrong !== undefined) throw newBadRequest(`Invalid visibility value: ${wrong}`)
  if (since) throw newBadRequest('The "changes-since" filter is no longer available on v2.')
  for (const [name, values] of [
    ['os_hidden', hidden],
    ['protected', kept],
  ] as const)
    if (values?.some((value) => !['true', 'false'].includes(value.toLowerCase())))
      throw newBadRequest(`Invalid value '${values[0]}' for '${name}' filter. Valid values are 'true' or 'false'.`)
}

/** Hidden images match only if the query asks for them. */
function matches(image: GlanceImage, query: Query): boolean {
  const { os_hidden: hidden = ['false'] } = query
  if (String(image.os_hidden) !== hidden.at(-1)?.toLowerCase()) return false
  return Object.entries(query).every(([name, values]) => {
    const value = values.at(-1) ?? ''
    if (notFilters.has(name) || name === 'os_hidden') return true
    if (name === 'tag') return values.every((tag) => image.tags.includes(tag.trim()))
    if (name === 'size_min') return image.size !== null && image.size >= Number(value)
    if (name === 'size_max') return image.size !== null && image.size <= Number(value)
    return matchesValue(Reflect.get(image, name), name, value)
  })
}

/** `in:a,b` means one of several values; `gt:`, `gte:`, `lt:`, `lte:`, `eq:` and `neq:` compare times. */
function matchesValue(actual: unknown, name: string, value: string): boolean {
  if (name === 'visibility' && value === 'all') return true
  if (name === 'created_at' || name === 'updated_at') return matchesTime(Date.parse(String(actual)), value)
  const isBoolean = typeof actual === 'boolean'
  const text = isBoolean ? value.toLowerCase() : value
  const list = ['id', 'name', 'status', 'container_format', 'disk_format'].includes(name) && text.startsWith('in:')
  return list ? splitList(text.slice(3)).includes(String(actual)) : String(actual) === text
}

/** Values with commas stand in quotes. */
const splitList = (text: string): string[] =>
  [...text.matchAll(/"([^"]*)"|([^,"]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  eq: (a, b) => a === b,
  neq: (a, b) => a !== b,
}

function matchesTime(actual: number, value: string): boolean {
  const [, operator = 'eq', time = ''] = /^(?:([a-z]+):)?(.*)$/.exec(value) ?? []
  const compare = getOwn(comparisons, operator)
  if (!compare || Number.isNaN(Date.parse(time))) throw newBadRequest(`Unable to filter on time '${value}'.`)
  return compare(actual, Date.parse(time))
}

function pageAddress(query: Query, marker?: string): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    name === 'marker' ? [] : values.map((value): [string, string] => [name, value]),
  )
  if (marker !== undefined) pairs.push(['marker', marker])
  const text = new URLSearchParams(pairs).toString()
  return text === '' ? '/v2/images' : `/v2/images?${text}`
}

export const imagesList = defineImageRoute<never>({
  name: 'images:list',
  method: 'GET',
  path: '/images',
  success: 200,
  policy: { rule: 'get_images', role: 'reader' },
  async handle(request) {
    const { query } = request
    checkFilters(query)
    const [limit, keys, marker] = [limitOf(query), sortKeysOf(query), query['marker']?.at(-1)]
    const found = (await listVisible(request)).filter((image) => matches(image, query))
    const page = cutPage(sortItems(found, keys), { limit, ...(marker ? { marker } : {}) }, ({ id }) => id)
    return {
      body: {
        images: page.items,
        first: pageAddress(query),
        schema: '/v2/schemas/images',
        ...(page.next === undefined ? {} : { next: pageAddress(query, page.next) }),
      },
    }
  },
})

export const imagesShow = defineImageRoute<never>({
  name: 'images:show',
  method: 'GET',
  path: '/images/{image_id}',
  success: 200,
  policy: { rule: 'get_image', role: 'reader' },
  async handle(request) {
    return { body: await renderFound(request, await findImage(request)) }
  },
})
