/**
 * Selects the host for a server: filters say which hosts can take it, weighers say which of these is best; the next best ones are
 * alternates. Pure: the same request and hosts, in any order, give the same placement.
 */
import { explainRejection } from './explain-rejection.ts'
import { type PreparedFilter, prepareFilter } from './filter.ts'
import { filters } from './filters.ts'
import { findCandidates } from './find-candidates.ts'
import type { HostTable } from './host-table.ts'
import type { PlacementRequest } from './request.ts'
import { weighHosts } from './weigher.ts'

/** Nova's [scheduler]max_attempts: a server is tried on this many hosts before it ends in an error. */
export const MAX_ATTEMPTS = 3

export interface Placed {
  readonly placed: true
  readonly host: string
  /** The next best hosts, at most MAX_ATTEMPTS - 1. */
  readonly alternates: readonly string[]
}

export interface NotPlaced {
  readonly placed: false
  /** One sentence for the user. */
  readonly message: string
}

export type Placement = Placed | NotPlaced

/** The tests that a request needs, in the order in which they run. */
export function prepareFilters(request: PlacementRequest): PreparedFilter[] {
  return Object.values(filters).flatMap((filter) => prepareFilter(filter, request) ?? [])
}

export function selectHost(request: PlacementRequest, table: HostTable): Placement {
  const prepared = prepareFilters(request)
  const rows = findCandidates(prepared, table)
  if (rows.length === 0) return { placed: false, message: explainRejection(prepared, table.views) }
  const nameOf = (i: number) => table.views[rows[i] ?? 0]?.name ?? ''
  const [host = '', ...alternates] = heaviest(nameOf, weighHosts(table, rows), MAX_ATTEMPTS)
  return { placed: true, host, alternates }
}

/** The names of the `count` hosts with the greatest weights, heaviest first; equal weights are ordered by name. One pass, since `count` is small. */
function heaviest(nameOf: (i: number) => string, weights: Float64Array, count: number): string[] {
  const precedes = (i: number, j: number) => {
    const [x, y] = [weights[i] ?? 0, weights[j] ?? 0]
    return x > y || (x === y && nameOf(i) < nameOf(j))
  }
  const top: number[] = []
  for (let i = 0; i < weights.length; i++) {
    const last = top[count - 1]
    // Most hosts are not among the heaviest and end here.
    if (last !== undefined && !precedes(i, last)) continue
    let at = top.length
    while (at > 0 && precedes(i, top[at - 1] ?? 0)) at--
    top.splice(at, 0, i)
    if (top.length > count) top.pop()
  }
  return top.map(nameOf)
}
