import { keystoneForbids, newNotFound } from '../../http/fault.ts'
import type { IdentityBackend, TokenInfo } from '../../identity/backend.ts'
import type { TypeOf } from '../../validation/schema.ts'
import { renderCatalog, renderCollection, renderDomain, renderProject, renderToken } from '../../views/identity.ts'
import { defineRouteOf, type Reply, type RouteRequest } from '../route.ts'
import { credentialsFrom, tokenRequest } from './schemas.ts'

const defineIdentityRoute = defineRouteOf('identity')
type Request = RouteRequest<never>

/** With `auth_type: none` there is no back end, and the routes of the identity API answer 404. */
export function identityOf({ services }: Pick<Request, 'services'>): IdentityBackend {
  if (!services.identity) throw newNotFound('There is no identity service: the shim runs with auth_type none.')
  return services.identity
}

/** The root of links in answers: `…/identity/v3`. */
export const rootOf = ({ links }: Pick<Request, 'links'>): string => `${links.root}/v3`

const anybody = { rule: 'identity:any', role: 'any' } as const

const catalogOf = ({ links, services }: Request): object[] => renderCatalog(links.address, services.region)

function replyWithToken(request: Request, info: TokenInfo, token: string, wantsCatalog: boolean): Reply {
  return {
    body: { token: renderToken(info, wantsCatalog ? catalogOf(request) : undefined) },
    headers: { 'x-subject-token': token, vary: 'X-Auth-Token' },
  }
}

export const tokensIssue = defineIdentityRoute<TypeOf<typeof tokenRequest>>({
  name: 'tokens:issue',
  method: 'POST',
  path: '/auth/tokens',
  success: 201,
  policy: anybody,
  authenticated: false,
  body: { '2.0': tokenRequest },
  async handle(request) {
    const { token, info } = await identityOf(request).issueToken(credentialsFrom(request.body))
    return replyWithToken(request as Request, info, token, request.query['nocatalog'] === undefined)
  },
})

/** The token in X-Subject-Token. Only its owner, administrators and services may see it. */
async function subjectOf(request: Request): Promise<{ token: string; info: TokenInfo }> {
  const token = request.headers['x-subject-token']
  const info = typeof token === 'string' ? await identityOf(request).inspectToken(token) : undefined
  if (typeof token !== 'string' || !info) throw newNotFound('Could not find token.')
  const isOwn = info.caller.user.id === request.caller.user.id
  if (!isOwn && !request.can({ role: 'admin' }) && !request.can({ role: 'service' }))
    throw keystoneForbids('identity:validate_token')
  return { token, info }
}

export const tokensShow = defineIdentityRoute<never>({
  name: 'tokens:show',
  method: 'GET',
  path: '/auth/tokens',
  success: 200,
  policy: anybody,
  async handle(request) {
    const { token, info } = await subjectOf(request)
    return replyWithToken(request, info, token, request.query['nocatalog'] === undefined)
  },
})

/** Says only whether a token is valid. */
export const tokensCheck = defineIdentityRoute<never>({
  name: 'tokens:check',
  method: 'HEAD',
  path: '/auth/tokens',
  success: 200,
  policy: anybody,
  async handle(request) {
    const { token } = await subjectOf(request)
    return { headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } }
  },
})

export const tokensRevoke = defineIdentityRoute<never>({
  name: 'tokens:revoke',
  method: 'DELETE',
  path: '/auth/tokens',
  success: 204,
  policy: anybody,
  async handle(request) {
    const { token } = await subjectOf(request)
    await identityOf(request).revokeToken(token)
    return {}
  },
})

export const authCatalog = defineIdentityRoute<never>({
  name: 'auth:catalog',
  method: 'GET',
  path: '/auth/catalog',
  success: 200,
  policy: anybody,
  async handle(request) {
    return { body: { catalog: catalogOf(request), links: { self: `${rootOf(request)}/auth/catalog` } } }
  },
})

export const authProjects = defineIdentityRoute<never>({
  name: 'auth:projects',
  method: 'GET',
  path: '/auth/projects',
  success: 200,
  policy: anybody,
  async handle(request) {
    const root = rootOf(request)
    const projects = identityOf(request).projectsOf(request.caller.user)
    return {
      body: renderCollection(
        'projects',
        projects.map((p) => renderProject(p, root)),
        `${root}/auth/projects`,
      ),
    }
  },
})

export const authDomains = defineIdentityRoute<never>({
  name: 'auth:domains',
  method: 'GET',
  path: '/auth/domains',
  success: 200,
  policy: anybody,
  async handle(request) {
    const root = rootOf(request)
    return { body: renderCollection('domains', [renderDomain(root)], `${root}/auth/domains`) }
  },
})
