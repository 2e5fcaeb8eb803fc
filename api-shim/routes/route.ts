/**
 * A route is a value: who may call it, at which microversions, which requests are valid, and what it does. The server,
 * tests and documents iterate over the routes of index.ts.
 */
import type { Readable } from 'node:stream'
import type { Log } from '../../kube/log.ts'
import type { Links } from '../http/links.ts'
import type { ByVersion, VersionText } from '../http/microversion.ts'
import type { Caller, Role } from '../identity/caller.ts'
import type { Services } from '../services.ts'
import type { CallerState } from '../state/state.ts'
import type { Query } from '../validation/request.ts'
import type { Schema } from '../validation/schema.ts'

export type ServiceName = 'compute' | 'identity' | 'image' | 'network'
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Policy {
  /** Nova's name of the rule, which stands in the 403: `os_compute_api:servers:create`. */
  rule: string
  /** The role that a caller needs; higher roles include it. `any`: no role. */
  role: Role | 'any'
  /**
   * true: the handler calls `request.authorize()` after it has found the object, so that, as in Nova, an unknown object
   * is a 404 for everybody.
   */
  inHandler?: true
}

export interface RouteRequest<Body = unknown> {
  /** The minor number of the microversion: 53 for 2.53. */
  readonly version: number
  /** The parameters of the path by name. */
  readonly params: Readonly<Record<string, string>>
  /** The valid query: all values of each parameter. */
  readonly query: Query
  /** The validated body; null if the request has none. */
  readonly body: Body
  /** The bytes of the body; only for a route with `takesStream`. */
  readonly stream?: Readable | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly requestId: string
  readonly caller: Caller
  readonly state: CallerState
  readonly links: Links
  readonly services: Services
  readonly log: Log
  can(policy: Pick<Policy, 'role'>): boolean
  /** Throws a 403 unless the rule allows the caller. Default: the rule of the route. */
  authorize(policy?: Pick<Policy, 'rule' | 'role'>): void
}

export interface Reply {
  /** Default: the route's `success`. */
  status?: number
  /** Absent: the answer has no body. */
  body?: unknown
  /** The body as JSON text, in place of `body`. */
  json?: string
  /** The bytes of the answer, in place of a body; the headers say what they are. */
  stream?: Readable
  headers?: Readonly<Record<string, string>>
}

export interface Route<Body = never> {
  service: ServiceName
  name: string
  method: Method
  /** The path below the version, with parameters in braces: `/servers/{server_id}`. */
  path: string
  /** For `POST …/action`: the key of the body that chooses this route. */
  action?: string
  /** The first and the last microversion of the route, which answers 404 at all others. */
  since?: VersionText
  until?: VersionText
  success: number | ByVersion<number>
  /** The status with which a route refuses every request, such as 410. Absent if the route serves requests. */
  refusal?: number
  policy: Policy
  /** true: the body is not JSON. The handler reads `request.stream`, and itself limits size and time. */
  takesStream?: true
  /** false: the route needs no token. */
  authenticated?: false
  /** The schema of the query by the first microversion that it applies to. Absent: the query is not read. */
  query?: ByVersion<Schema>
  /** The schema of the body by the first microversion that it applies to. Absent: the body is not read. */
  body?: ByVersion<Schema>
  handle(request: RouteRequest<Body>): Promise<Reply>
}

/** A route of the Compute API. @example defineRoute<TypeOf<typeof body>>({ name: 'flavors:create', … }) */
export const defineRoute = <Body = unknown>(route: Omit<Route<Body>, 'service'>): Route => ({
  service: 'compute',
  ...route,
})

/** A route of another service. */
export const defineRouteOf =
  (service: ServiceName) =>
  <Body = unknown>(route: Omit<Route<Body>, 'service'>): Route => ({ service, ...route })
