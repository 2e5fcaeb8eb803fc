/**
 * Filters tell which hosts can take a server, weighers which of those hosts is best. The same request and hosts, in any
 * order, give the same placement.
 */
import { explainRejection } from './explain-rejection.ts'
import { type PreparedFilter, prepareFilter } from './filter.ts'
import { filters } from './filters.ts'
import { findCandidates } from './find-candidates.ts'
import type { HostTable } from './host-table.ts'
import type { PlacementRequest } from './request.ts'
import { weighHosts } from './weigher.ts'

/** How many hosts may reject a server before the server gets the vmState `error`: Nova's [scheduler]max_attempts. */
export const MAX_ATTEMPTS = 3

export interface Placed {
  readonly placed: true
  readonly host: string
}

export interface NotPlaced {
  readonly placed: false
  readonly message: string
}

export type Placement = Placed | NotPlaced

export function prepareFilters(request: PlacementRequest): PreparedFilter[] {
  return Object.values(filters).flatMap((filter) => prepareFilter(filter, request) ?? [])
}

export function selectHost(request: PlacementRequest, table: HostTable): Placement {
  const prepared = prepareFilters(request)
  const rows = findCandidates(prepared, table)
  if (rows.length === 0) return { placed: false, message: explainRejection(prepared, table.views) }
  const nameOf = (i: number) => table.views[rows[i] ?? 0]?.name ?? ''
  return { placed: true, host: heaviest(nameOf, weighHosts(table, rows)) }
}

/** The name of the host with the greatest weight; the first by name if several have it. */
function heaviest(nameOf: (i: number) => string, weights: Float64Array): string {
  let best = 0
  for (let i = 1; i < weights.length; i++) {
    const [weight, greatest] = [weights[i] ?? 0, weights[best] ?? 0]
    if (weight > greatest || (weight === greatest && nameOf(i) < nameOf(best))) best = i
  }
  return nameOf(best)
}
