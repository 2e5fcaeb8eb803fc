/** What a filter is: it prepares, once per request, a test of hosts; reasons are made only when they are asked for. */
import type { HostKind, HostView } from './host-view.ts'
import type { PlacementRequest } from './request.ts'
import type { Room } from './room.ts'

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
export interface HostTest<H = HostView> {
  passes(host: H): boolean
  refusal(host: H): Refusal
}

/** A host passes when it has room for so many: `passes` says the same of one host as the comparison of numbers. */
export interface RoomTest extends HostTest {
  readonly wanted: number
}

/**
 * Most of 10,000 hosts are alike, and most of what a filter looks at never changes. So a filter says what it sees:
 * `kind`: nothing that tells hosts of one kind apart: it is asked once for each kind. `room`: a number of the host, kept up to date for it: it is compared.
 * `host`: anything: it is asked for every host that is left.
 */
export type Filter = {
  /** Nova's name. */
  readonly name: string
} & (
  | { readonly sees: 'kind'; prepare(request: PlacementRequest): HostTest<HostKind> | undefined }
  | { readonly sees: 'room'; readonly room: Room; prepare(request: PlacementRequest): RoomTest | undefined }
  | { readonly sees: 'host'; prepare(request: PlacementRequest): HostTest | undefined }
)

/** A request's test with the filter it is of. */
export type PreparedFilter = { readonly filter: Filter } & (
  | { readonly sees: 'kind'; readonly test: HostTest<HostKind> }
  | { readonly sees: 'room'; readonly room: Room; readonly test: RoomTest }
  | { readonly sees: 'host'; readonly test: HostTest }
)

/** undefined: the request asks nothing of this filter. */
export function prepareFilter(filter: Filter, request: PlacementRequest): PreparedFilter | undefined {
  switch (filter.sees) {
    case 'kind': {
      const test = filter.prepare(request)
      return test && { filter, sees: 'kind', test }
    }
    case 'room': {
      const test = filter.prepare(request)
      return test && { filter, sees: 'room', room: filter.room, test }
    }
    case 'host': {
      const test = filter.prepare(request)
      return test && { filter, sees: 'host', test }
    }
  }
}
