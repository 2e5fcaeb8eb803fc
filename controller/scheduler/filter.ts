/** A filter prepares, once per request, a test of hosts. Reasons are built only when no host passes. */
import type { FreeCapacity } from './free-capacity.ts'
import type { HostClass, HostView } from './host-view.ts'
import type { PlacementRequest } from './request.ts'

/** Why a host does not pass. */
export interface RejectionReason {
  /** The part that is equal for many hosts, worded to follow a number: "too little memory". */
  readonly summary: string
  /** The values of this host: "need 4096 MiB, free 1024 MiB". */
  readonly detail: string
  /** How close the host came to passing; the message names the closest host of each summary. */
  readonly closeness?: number
  /** The detail, worded for the closest host: "need 4096 MiB, most free 1024 MiB". */
  readonly detailOfClosest?: string
}

/** The test of one request. `reject` is called only for a host that `passes` has just said no to. */
export interface HostTest<H = HostView> {
  passes(host: H): boolean
  reject(host: H): RejectionReason
}

/** A test whose `passes` is true exactly if the host's free capacity is at least `wanted`. */
export interface CapacityTest extends HostTest {
  readonly wanted: number
}

/**
 * Most of 10,000 hosts are alike, and most of what a filter reads never changes. The scope of a filter tells how often
 * it must be called: `class`: it reads only facts of the HostClass, so it is called once for each class. `capacity`: it
 * compares a number with a column of the HostTable, so it is not called at all. `host`: it reads anything, so it is
 * called for every host that the other filters have left.
 */
export type Filter = {
  /** Nova's name. */
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

/** The test of a request, with the filter that prepared it. */
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
