/**
 * Serves one request. The steps are in Nova's order, because a request with several mistakes gets the answer to the
 * first.
 */
import type { Readable } from 'node:stream'
import { type Caller, type Role } from '../identity/caller.ts'
import type { Policy, Reply, Route, RouteRequest } from '../routes/route.ts'
import type { Services } from '../services.ts'
import { faultFromError } from '../state/errors.ts'
import { parseQuery, validateBody, validateQuery } from '../validation/request.ts'
import { checkContentType, malformedBody, parseBody } from './body.ts'
import { Fault, newBadRequest, newNotFound } from './fault.ts'
import { Links } from './links.ts'
import { isInRange, selectByVersion } from './microversion.ts'
import { type Profile, renderKeystoneFault } from './profile.ts'

export interface Incoming {
  method: string
  params: Readonly<Record<string, string>>
  queryText: string
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Uint8Array | undefined
  /** Replaces `body` for a route with `takesStream`. */
  stream?: Readable | undefined
  address: string
  requestId: string
}

export interface Outgoing {
  status: number
  headers: Readonly<Record<string, string>>
  body?: string | Readable
}

/** Routes with the same method and path, which differ by microversion or by the key of the body. */
export type RouteGroup = readonly [Route, ...Route[]]

export async function serveRequest(
  profile: Profile,
  group: RouteGroup,
  incoming: Incoming,
  services: Services,
): Promise<Outgoing> {
  let headers: Record<string, string> = {}
  try {
    const caller = await authenticateCaller(group, incoming, services)
    if (caller === 'rejected') return rejectToken(incoming, services)
    const version = profile.negotiate(incoming.headers)
    headers = profile.versionHeaders(version)
    const { route, request } = prepare(profile, group, incoming, { caller, version, services })
    const reply = await route.handle(request as RouteRequest<never>)
    const contentType = profile.contentTypeOf(incoming.headers['accept'] as string | undefined)
    return render(reply, selectStatus(route, version), headers, contentType)
  } catch (error) {
    const fault = faultFromError(error)
    if (isFailure(fault)) services.log.error({ err: error, requestId: incoming.requestId }, 'request failed')
    const { contentType, body } = profile.renderFault(fault)
    return { status: fault.status, headers: { 'content-type': contentType, ...headers, ...fault.headers }, body }
  }
}

const nobody: Caller = {
  user: { id: '', name: '' },
  roles: new Set(),
  kubernetes: { user: 'system:anonymous', groups: [] },
}

async function authenticateCaller(
  [first]: RouteGroup,
  { headers }: Pick<Incoming, 'headers'>,
  { authenticator }: Services,
): Promise<Caller | 'rejected'> {
  if (first.authenticated === false) return nobody
  const caller = await authenticator.authenticate(textOf(headers['x-auth-token']) ?? '')
  if (caller === undefined) return 'rejected'
  // A token without a project is only good for asking the identity service for one with a project.
  return caller.project === undefined && first.service !== 'identity' ? 'rejected' : caller
}

/** The answer has the form of Keystone's middleware, which checks tokens in front of each service. */
export function rejectToken({ address }: Pick<Incoming, 'address'>, { publicUrl }: Services): Outgoing {
  const fault = new Fault(401, 'The request you have made requires authentication.')
  const { contentType, body } = renderKeystoneFault(fault)
  const uri = `${publicUrl ?? address}/identity`
  return { status: 401, headers: { 'content-type': contentType, 'www-authenticate': `Keystone uri="${uri}"` }, body }
}

interface Context {
  caller: Caller
  version: number
  services: Services
}

/** Throws the fault of the first mistake. */
function prepare(
  profile: Profile,
  group: RouteGroup,
  incoming: Incoming,
  { caller, version, services }: Context,
): { route: Route; request: RouteRequest } {
  if (profile.takesJsonOnly) checkContentType(textOf(incoming.headers['content-type']))
  const hasActions = group[0].action !== undefined
  const body = incoming.method === 'GET' || incoming.method === 'DELETE' ? null : readBody(incoming.body, hasActions)
  const candidates = hasActions ? selectAction(group, body) : group
  const { project_id: project, ...params } = incoming.params
  checkProject(project, caller)
  const route = candidates.find((candidate) => isInRange(version, candidate))
  if (!route) throw newNotFound()
  const bodySchema = selectByVersion(route.body ?? {}, version)
  if (bodySchema) validateBody(bodySchema, body, profile)
  const querySchema = selectByVersion(route.query ?? {}, version)
  const rawQuery = parseQuery(incoming.queryText)
  const query = querySchema ? validateQuery(querySchema, rawQuery, profile.isRelaxed) : rawQuery
  if (!route.policy.inHandler) authorize(caller, route.policy, profile)
  const links = new Links({
    address: services.publicUrl ?? incoming.address,
    service: profile.root,
    version: profile.version,
    project: projectInLinks(project, incoming, caller),
  })
  return {
    route,
    request: makeRequest({ route, profile, incoming, params, query, body, version, caller, services, links }),
  }
}

/** As in Nova, links contain the caller's project if the path or the query of the request does. */
function projectInLinks(inPath: string | undefined, { queryText }: Incoming, { project }: Caller): string | undefined {
  return inPath ?? (project && queryText.includes(project.id) ? project.id : undefined)
}

interface RequestParts
  extends Pick<RouteRequest, 'params' | 'query' | 'body' | 'version' | 'caller' | 'services' | 'links'> {
  route: Route
  profile: Profile
  incoming: Incoming
}

function makeRequest({ route, profile, incoming, ...parts }: RequestParts): RouteRequest {
  const { caller, services } = parts
  const { requestId, headers, stream } = incoming
  return {
    ...parts,
    requestId,
    headers,
    stream,
    state: services.state.forCaller(caller),
    log: services.log.child({ requestId, route: route.name }),
    can: ({ role }) => hasRole(caller, role),
    authorize: (policy = route.policy) => authorize(caller, policy, profile),
  }
}

/**
 * A 501 says what this cloud does not have. That is no failure, nor is a 503 without a cause that tells when to try
 * again: a flood of requests must not fill the log.
 */
const isFailure = ({ status, cause, headers }: Fault): boolean =>
  status >= 500 && status !== 501 && !(cause === undefined && headers['retry-after'] !== undefined)

function readBody(raw: Uint8Array | undefined, hasActions: boolean): unknown {
  if (hasActions && (raw === undefined || raw.length === 0)) throw malformedBody()
  return parseBody(raw)
}

/** An action's body is an object with one key, which names the action. */
function selectAction(group: RouteGroup, body: unknown): readonly Route[] {
  if (typeof body !== 'object' && typeof body !== 'string') throw newNotFound()
  if (body === null) throw newNotFound()
  const keys = Object.keys(body)
  const [key] = keys
  if (keys.length !== 1 || key === undefined) throw malformedBody()
  if (typeof body === 'string' || Array.isArray(body)) throw newNotFound()
  const routes = group.filter(({ action }) => action === key)
  if (routes.length === 0) throw newBadRequest(`There is no such action: ${key}`)
  return routes
}

function checkProject(inPath: string | undefined, { project }: Caller): void {
  if (inPath === undefined || inPath === project?.id) return
  throw newBadRequest(
    `Malformed request URL: URL's project_id '${inPath}' doesn't match Context's project_id '${project?.id ?? ''}'`,
  )
}

export const hasRole = ({ roles }: Caller, role: Role | 'any'): boolean => role === 'any' || roles.has(role)

function authorize(caller: Caller, { rule, role }: Pick<Policy, 'rule' | 'role'>, profile: Profile): void {
  if (!hasRole(caller, role)) throw profile.newPolicyFault(rule)
}

const selectStatus = ({ success }: Route, version: number): number =>
  typeof success === 'number' ? success : (selectByVersion(success, version) ?? 200)

function render(
  { body, json = JSON.stringify(body), stream, headers = {}, status }: Reply,
  success: number,
  versionHeaders: Record<string, string>,
  contentType: string,
): Outgoing {
  return {
    status: status ?? success,
    headers: {
      'content-type': json === undefined ? 'application/json' : contentType,
      ...versionHeaders,
      ...headers,
    },
    ...(stream ? { body: stream } : json === undefined ? {} : { body: json }),
  }
}

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(',') : header
