import type { Route, ServiceName } from '../routes/route.ts'
import { pathParameters, queryParameters } from './parameters.ts'
import { addBodies, type Components, rangeOf, slugOf } from './schemas.ts'

const texts: Readonly<Record<number, string>> = {
  200: 'The answer.',
  201: 'Created.',
  202: 'Accepted; the work goes on.',
  203: 'The answer.',
  204: 'Done; the answer has no body.',
  206: 'A part of the bytes.',
  400: 'The request is invalid.',
  401: 'There is no valid token.',
  403: 'The policy does not allow it.',
  404: 'There is no such object, or no such route at this microversion.',
  406: 'The microversion is not supported.',
  410: 'Nova has removed this route.',
}

/** The document has each of these answers once, by service and status. */
export const faultResponses = (service: ServiceName): [string, object][] =>
  [400, 401, 403, 404, 406, 410, 'default' as const].map((status) => [
    `${service}.${status}`,
    {
      description: status === 'default' ? 'Another fault.' : texts[status],
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${service}.fault` } } },
    },
  ])

const faultOf = (service: ServiceName, status: number | 'default'): object => ({
  $ref: `#/components/responses/${service}.${status}`,
})

const answerOf = (status: number): object => ({
  description: texts[status] ?? `Status ${status}.`,
  ...(status === 204 ? {} : { content: { 'application/json': {} } }),
})

const successesOf = ({ success }: Route): number[] =>
  typeof success === 'number' ? [success] : Object.values(success).filter((status) => status !== undefined)

function faultsOf({ service, path, since, until, body, query, policy, authenticated, refusal }: Route): number[] {
  if (refusal !== undefined) return [401, refusal]
  const isVersioned = service === 'compute'
  return [
    ...(body || query || isVersioned ? [400] : []),
    ...(authenticated === false ? [] : [401]),
    ...(policy.role === 'any' ? [] : [403]),
    ...(path.includes('{') || since !== undefined || until !== undefined ? [404] : []),
    ...(isVersioned ? [406] : []),
  ]
}

function responsesOf(routes: readonly Route[]): object {
  const service = routes[0]?.service ?? 'compute'
  const successes = routes.filter(({ refusal }) => refusal === undefined).flatMap(successesOf)
  const faults = routes.flatMap(faultsOf).filter((status) => !successes.includes(status))
  const byStatus = (statuses: readonly number[], render: (status: number) => object): [string, object][] =>
    [...new Set(statuses)].toSorted((a, b) => a - b).map((status) => [String(status), render(status)])
  return {
    ...Object.fromEntries(byStatus(successes, answerOf)),
    ...Object.fromEntries(byStatus(faults, (status) => faultOf(service, status))),
    default: faultOf(service, 'default'),
  }
}

const methodsWithBody = new Set(['POST', 'PUT', 'PATCH'])

function requestBodyOf(routes: readonly Route[], components: Components): object {
  const [first] = routes
  if (!first || !methodsWithBody.has(first.method)) return {}
  if (first.takesStream) return { requestBody: { content: { '*/*': {} } } }
  const [only, ...others] = routes.flatMap((route) => addBodies(route, components))
  if (!only) return first.service === 'compute' ? {} : { requestBody: { content: { '*/*': {} } } }
  const discriminator = first.action === undefined ? 'microversion' : 'action'
  const schema = others.length === 0 ? only : { anyOf: [only, ...others], 'x-openstack': { discriminator } }
  return { requestBody: { required: true, content: { 'application/json': { schema } } } }
}

const describeRoute = (route: Route): object => ({
  name: route.name,
  ...(route.action === undefined ? {} : { 'action-name': route.action }),
  ...(route.service === 'compute' ? rangeOf(route) : {}),
  rule: route.policy.rule,
  role: route.policy.role,
  ...(route.refusal === undefined ? { success: successesOf(route) } : { refusal: route.refusal }),
})

const idOf = ({ service, name, action, path }: Route): string =>
  `${service}.${slugOf(action === undefined ? name.replace(':', '.') : path)}`

/** @param path the group's path, whose parameters have the names of its first route */
export function operationOf(routes: readonly Route[], path: string, components: Components): object {
  const [first] = routes
  if (!first) return {}
  const isVersioned = first.service === 'compute'
  return {
    operationId: idOf(first),
    tags: [first.service],
    ...(routes.every(({ refusal }) => refusal !== undefined) ? { deprecated: true } : {}),
    ...(first.authenticated === false ? { security: [] } : {}),
    parameters: [
      ...pathParameters(path),
      ...(isVersioned ? [{ $ref: '#/components/parameters/microversion' }] : []),
      ...queryParameters(routes),
    ],
    ...requestBodyOf(routes, components),
    responses: responsesOf(routes),
    'x-routes': routes.map(describeRoute),
  }
}
