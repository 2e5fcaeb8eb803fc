/** What a filter is: it prepares, once per request, a test that is run on every host; reasons are made only when they are asked for. */
import type { HostView } from './host-view.ts'
import type { PlacementRequest } from './request.ts'

/** Why a host was refused. */
export interface Refusal {
  /** What is the same for many hosts, as words after a number: "too little memory". */
  readonly what: string
  /** The values: "need 4096 MiB, free 1024 MiB". */
  readonly detail: string
  /** How near the host came; the nearest of a group stands for it in the summary. */
  readonly nearness?: number
  /** The detail as the nearest host's: "need 4096 MiB, most free 1024 MiB". */
  readonly detailOfNearest?: string
}

/** One request's test. `refusal` is called only for a host that `passes` refused, with nothing changed in between. */
export interface HostTest {
  passes(host: HostView): boolean
  refusal(host: HostView): Refusal
}

export interface Filter {
  /** Nova's name. */
  readonly name: string
  /** undefined: the request asks nothing of this filter. */
  prepare(request: PlacementRequest): HostTest | undefined
}

/** A request's test with the filter it is of. */
export interface PreparedFilter {
  readonly filter: Filter
  readonly test: HostTest
}
