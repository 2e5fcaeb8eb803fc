/**
 * A filter prepares one test for each request, and the test is then applied to the hosts. Reasons for rejections are
 * built only if no host passes.
 */
import type { FreeCapacity } from './free-capacity.ts'
import type { HostClass, HostView } from './host-view.ts'
import type { PlacementRequest } from './request.ts'

/** The reason why a host does not pass a filter. */
export interface RejectionReason {
  /**
   * The part of the reason that is the same for many hosts. In the message it follows their number: "3 too little
   * memory".
   */
  readonly summary: string
  /** The values of this host: "need 4096 MiB, free 1024 MiB". */
  readonly detail: string
  /**
   * A number that tells how close the host came to passing; greater is closer. The message names the closest host of
   * each summary.
   */
  readonly closeness?: number
  /** The detail in other words, for the closest host: "need 4096 MiB, most free 1024 MiB". */
  readonly detailOfClosest?: string
}

/**
 * A test of hosts that a filter has prepared for one request. `reject` is called only for a host that does not pass.
 */
export interface HostTest<H = HostView> {
  passes(host: H): boolean
  reject(host: H): RejectionReason
}

/** A test that a host passes if its free capacity is at least `wanted`. */
export interface CapacityTest extends HostTest {
  readonly wanted: number
}

/**
 * A filter has a scope, which tells how often its test runs. Scope class: it reads only the facts of a HostClass, which
 * many similar hosts share, so it runs once for each class. Scope capacity: it compares a number with a column of the
 * HostTable, so it is not called for the hosts at all. Scope host: it may read anything, so it runs for every host that
 * the other filters have left. With 10,000 hosts, which are mostly alike, this saves most of the work.
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

/** The test that a filter has prepared for one request, with that filter. */
export type PreparedFilter = { readonly filter: Filter } & (
  | { readonly scope: 'class'; readonly test: HostTest<HostClass> }
  | { readonly scope: 'capacity'; readonly resource: FreeCapacity; readonly test: CapacityTest }
  | { readonly scope: 'host'; readonly test: HostTest }
)

/** Prepares the filter for a request. Returns undefined if the request asks nothing of this filter. */
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
