import type { Query } from '../validation/request.ts'
import { newBadRequest } from './fault.ts'
import type { Link } from './links.ts'

/** The longest page (Nova's option `max_limit`). A client that asks for more gets this many. */
export const MAX_LIMIT = 1000

export interface PageRequest {
  limit: number
  marker?: string
}

/** If a parameter is repeated, its last value counts, as in webob. */
export function pageRequestOf(query: Query): PageRequest {
  const limit = query['limit']?.at(-1)
  // As in Nova, an empty marker is none.
  const marker = query['marker']?.at(-1) || undefined
  const wanted = limit === undefined || limit === '' ? MAX_LIMIT : Number(limit)
  return { limit: Math.min(wanted, MAX_LIMIT), ...(marker === undefined ? {} : { marker }) }
}

export interface PageOf<T> {
  items: T[]
  /** The ID of the last item if the page is full. As in Nova, more items need not follow. */
  next?: string
}

/** Cuts a page out of a sorted list. Throws a 400 if no item has the ID of the marker. */
export function cutPage<T>(items: readonly T[], { limit, marker }: PageRequest, idOf: (item: T) => string): PageOf<T> {
  const start = marker === undefined ? 0 : items.findIndex((item) => idOf(item) === marker) + 1
  if (marker !== undefined && start === 0) throw newBadRequest(`marker [${marker}] not found`)
  const page = items.slice(start, start + limit)
  const last = page.at(-1)
  return { items: page, ...(last !== undefined && page.length === limit ? { next: idOf(last) } : {}) }
}

/** The member `<name>_links` with the address of the next page; empty if this page is not full. */
export function nextLink(name: string, { next }: PageOf<unknown>, href: string, query: Query): Record<string, Link[]> {
  if (next === undefined) return {}
  // As in Nova, the parameters in the link are sorted by name, a repeated parameter keeps only one value, and the new
  // marker replaces the old one.
  const sorted = Object.keys(query).toSorted()
  const last = new Map(sorted.map((key) => [key, query[key]?.toSorted().at(-1) ?? '']))
  const text = new URLSearchParams([...last.set('marker', next)]).toString()
  return { [`${name}_links`]: [{ rel: 'next', href: `${href}?${text}` }] }
}

export type SortValue = string | number | boolean | undefined
export interface SortKey<T> {
  valueOf: (item: T) => SortValue
  descending: boolean
}

const DEFAULT_SORT_KEY = 'created_at'

/**
 * Returns the keys to sort by. A key without a direction of its own gets the first direction. If the query has no
 * direction, all keys sort descending.
 * @param values how to get the value of each key that clients may name
 */
export function sortKeysOf<T>(query: Query, values: Readonly<Record<string, (item: T) => SortValue>>): SortKey<T>[] {
  const directions = query['sort_dir'] ?? []
  const names = query['sort_key'] ?? (directions.length > 0 ? [DEFAULT_SORT_KEY] : [])
  if (directions.length > names.length)
    throw newBadRequest('Invalid input received: Sort direction size exceeds sort key size')
  if (directions.some((direction) => direction !== 'asc' && direction !== 'desc'))
    throw newBadRequest("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
  return names.flatMap((name, i) => {
    const valueOf = values[name]
    const direction = directions[i] ?? directions[0] ?? 'desc'
    return valueOf ? [{ valueOf, descending: direction === 'desc' }] : []
  })
}

/** Sorts by the keys in their order. Items without a value come first in ascending order, as NULL does in MySQL. */
export function sortItems<T>(items: readonly T[], keys: readonly SortKey<T>[]): T[] {
  return items.toSorted((a, b) => {
    for (const { valueOf, descending } of keys) {
      const order = compareValues(valueOf(a), valueOf(b))
      if (order !== 0) return descending ? -order : order
    }
    return 0
  })
}

function compareValues(a: SortValue, b: SortValue): number {
  if (a === b) return 0
  if (a === undefined) return -1
  if (b === undefined) return 1
  return a < b ? -1 : 1
}
