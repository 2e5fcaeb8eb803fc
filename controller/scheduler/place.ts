/**
 * place: which host takes a server. Filters say which can, weighers which is best; then the best, and the next best as alternates.
 * Pure: the same request, hosts (in any order) and options give the same placement.
 */

import { candidates } from './candidates.ts'
import { explain, type Rejection } from './explain.ts'
import { type PreparedFilter, prepareFilter } from './filter.ts'
import { filterNames, filters } from './filters.ts'
import type { HostTable } from './host-table.ts'
import { type SchedulerOptions, schedulerDefaults } from './options.ts'
import type { PlacementRequest } from './request.ts'
import { weigh } from './weigher.ts'
import { weigherNames, weighers } from './weighers.ts'

export interface Placed {
  readonly none: false
  readonly host: string
  /** The next best, at most maxAttempts - 1. */
  readonly alternates: readonly string[]
  /** How many hosts could take it. */
  readonly candidates: number
}

export interface NotPlaced {
  readonly none: true
  /** One sentence for the user. */
  readonly message: string
  /** The reasons of single hosts, by name; at most `explain`'s limit. */
  readonly rejections: readonly Rejection[]
}

export type Placement = Placed | NotPlaced

/** The tests that a request needs, in the order in which they run. */
export function prepare(request: PlacementRequest, options: SchedulerOptions): PreparedFilter[] {
  const enabled = new Set<string>(options.filters)
  return filterNames.flatMap((name) => {
    const prepared = enabled.has(name) ? prepareFilter(filters[name], request) : undefined
    return prepared ? [prepared] : []
  })
}

/** Where `request` goes. */
export function place(
  request: PlacementRequest,
  table: HostTable,
  options: SchedulerOptions = schedulerDefaults,
): Placement {
  const prepared = prepare(request, options)
  const rows = candidates(prepared, table)
  if (rows.length === 0) return { none: true, ...explain(prepared, table.views) }
  const weights = weigh(
    weigherNames.map((name) => ({ name, weigher: weighers[name], multiplier: options.multipliers[name] })),
    table,
    rows,
  )
  const name = (i: number) => table.views[rows[i] ?? 0]?.name ?? ''
  const [host = '', ...alternates] = best(name, weights, Math.max(1, options.maxAttempts), tieOrder(request, options))
  return { none: false, host, alternates, candidates: rows.length }
}

type Order = (a: string, b: string) => boolean

/** Whether a comes before b where both weigh the same. */
export function tieOrder(request: PlacementRequest, { shuffleSeed }: SchedulerOptions): Order {
  if (shuffleSeed === undefined) return (a, b) => a < b
  const seed = hash(request.server.uid, hash(shuffleSeed, FNV_OFFSET))
  return (a, b) => {
    const [x, y] = [hash(a, seed), hash(b, seed)]
    return x === y ? a < b : x < y
  }
}

/** The names of the `count` best, best first: one pass, since count is small. */
function best(name: (i: number) => string, weights: Float64Array, count: number, before: Order): string[] {
  const ahead = (i: number, j: number) => {
    const [x, y] = [weights[i] ?? 0, weights[j] ?? 0]
    return x > y || (x === y && before(name(i), name(j)))
  }
  const top: number[] = []
  for (let i = 0; i < weights.length; i++) {
    const last = top[count - 1]
    // Most are not among the best.
    if (last !== undefined && !ahead(i, last)) continue
    let at = top.length
    while (at > 0 && ahead(i, top[at - 1] ?? 0)) at--
    top.splice(at, 0, i)
    if (top.length > count) top.pop()
  }
  return top.map(name)
}

const FNV_OFFSET = 0x811c9dc5

/** FNV-1a of 32 bits over UTF-16 units, with a last mix so that near names fall far apart. */
function hash(text: string, seed: number): number {
  let h = seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}
