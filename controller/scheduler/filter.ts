/**
 * A filter prepares one test for each request. The scheduler applies the test to the hosts. Reasons for rejections are
 * built only if no host passes.
 */
import type { FreeCapacity } from './free-capacity.ts'
import type { HostClass, HostView } from './host-view.ts'
import type { PlacementRequest } from './request.ts'

export interface RejectionReason {
  /**
   * The part of the reason that is the same for many hosts. The message puts the number of hosts before it: "3 too
   * little memory".
   */
  readonly summary: string
  /** The values of this host: "need 4096 MiB, free 1024 MiB". */
  readonly detail: string
  /** Greater is closer to passing. For each summary, the message names the host that came closest. */
  readonly closeness?: number
  /** The detail in the message if this host came closest to passing: "need 4096 MiB, most free 1024 MiB". */
  readonly detailOfClosest?: string
}

/** `reject` is called only for a host that does not pass. */
export interface HostTest<H = HostView> {
  passes(host: H): boolean
  reject(host: H): RejectionReason
}

export interface CapacityTest extends HostTest {
  readonly wanted: number
}

/**
 * The scope tells what a filter's test reads, and so how often the test runs. Scopes save most of the work, because
 * most of 10,000 hosts are alike.
 * - class: reads only the facts of a HostClass, which many similar hosts share. The test runs once for each class.
 * - capacity: compares a number with a column of the HostTable, so no function is called for a host.
 * - host: may read anything. The test runs for every host that the filters of the other scopes have left.
 */
export type Filter = {
  /** The filter's name in Nova. */
  readonly name: string
} & (
  | { readonly scope: 'class'; prepare(request: PlacementRequest): HostTest<HostClass> | undefined }
  | {
      readonly scope: 'capacity'
      readonly resource: FreeCapacity
      prepare(request: PlacementRequest): CapacityTest | undefined
    }
  | { readonly scope: 'host'; prepare(request: PlacementRequest): HostTest | undefined }
)

export type PreparedFilter = { readonly filter: Filter } & (
  | { readonly scope: 'class'; readonly test: HostTest<HostClass> }
  | { readonly scope: 'capacity'; readonly resource: FreeCapacity; readonly test: CapacityTest }
  | { readonly scope: 'host'; readonly test: HostTest }
)

/** Returns undefined if the request asks nothing of this filter. */
export function prepareFilter(filter: Filter, request: PlacementRequest): PreparedFilter | undefined {
  switch (filter.scope) {
    case 'class': {
      const test = filter.prepare(request)
      return test && { filter, scope: 'class', test }
    }
    case 'capacity': {
      const test = filter.prepare(request)
      return test && { filter, scope: 'capacity', resource: filter.resource, test }
    }
    case 'host': {
      const test = filter.prepare(request)
      return test && { filter, scope: 'host', test }
    }
  }
}
