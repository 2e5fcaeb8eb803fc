import { Fault, keystoneForbids, newBadRequest, newNotFound } from '../../http/fault.ts'
import { parseIsoTime } from '../../http/time.ts'
import type { ApplicationCredential } from '../../identity/backend.ts'
import { allRoles, type Role } from '../../identity/caller.ts'
import { arraySchema, objectSchema, schemaOfTypes, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { renderApplicationCredential, renderCollection } from '../../views/identity.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'
import { identityOf, rootOf } from './tokens.ts'

const defineIdentityRoute = defineRouteOf('identity')
const policy = { rule: 'identity:application_credentials', role: 'any' } as const
const path = '/users/{user_id}/application_credentials'

const body = objectSchema(
  {
    application_credential: objectSchema(
      {
        name: stringSchema({ minLength: 1, maxLength: 255 }),
        description: schemaOfTypes<string | null>(['string', 'null'], { maxLength: 1024 }),
        secret: schemaOfTypes<string | null>(['string', 'null'], { minLength: 1, maxLength: 1024 }),
        expires_at: schemaOfTypes<string | null>(['string', 'null'], { format: 'date-time' }),
        roles: arraySchema(objectSchema({ id: stringSchema(), name: stringSchema() }, { additionalProperties: true }), {
          maxItems: 8,
        }),
      },
      { required: ['name'], additionalProperties: true },
    ),
  },
  { required: ['application_credential'] },
)

function checkOwner({ params, caller }: Pick<RouteRequest, 'params' | 'caller'>): void {
  if (caller.isRestricted) throw new Fault(403, 'An application credential cannot manage application credentials.')
  if (params['user_id'] !== caller.user.id) throw keystoneForbids('a user manages only their own')
}

const isRole = (name: string | undefined): name is Role => (allRoles as readonly (string | undefined)[]).includes(name)

function findCredential(request: RouteRequest<never>): ApplicationCredential {
  checkOwner(request)
  const id = request.params['id'] ?? ''
  const found = identityOf(request)
    .listApplicationCredentials(request.caller.user)
    .find((c) => c.id === id)
  if (!found) throw newNotFound(`Could not find Application Credential: ${id}.`)
  return found
}

const list = defineIdentityRoute<never>({
  name: 'application_credentials:list',
  method: 'GET',
  path,
  success: 200,
  policy,
  async handle(request) {
    checkOwner(request)
    const root = rootOf(request)
    const { user } = request.caller
    const items = identityOf(request)
      .listApplicationCredentials(user)
      .filter(({ name }) => request.query['name']?.includes(name) ?? true)
      .map((credential) => renderApplicationCredential(credential, root))
    return {
      body: renderCollection('application_credentials', items, `${root}/users/${user.id}/application_credentials`),
    }
  },
})

const show = defineIdentityRoute<never>({
  name: 'application_credentials:show',
  method: 'GET',
  path: `${path}/{id}`,
  success: 200,
  policy,
  async handle(request) {
    return { body: { application_credential: renderApplicationCredential(findCredential(request), rootOf(request)) } }
  },
})

const create = defineIdentityRoute<TypeOf<typeof body>>({
  name: 'application_credentials:create',
  method: 'POST',
  path,
  success: 201,
  policy,
  body: { '2.0': body },
  async handle(request) {
    checkOwner(request)
    const { name, description, secret, expires_at: expires, roles: wanted } = request.body.application_credential
    const expiresAt = typeof expires === 'string' ? parseIsoTime(expires) : undefined
    if (expiresAt && expiresAt <= request.services.clock.wall())
      throw newBadRequest('expires_at must be in the future.')
    const names = wanted?.map(({ id, name: roleName }) => roleName ?? id)
    const unknown = names?.find((role) => !isRole(role))
    if (unknown !== undefined) throw newBadRequest(`Could not find role: ${unknown}.`)
    const created = await identityOf(request).createApplicationCredential(request.caller, {
      name,
      description: description ?? '',
      ...(typeof secret === 'string' ? { secret } : {}),
      ...(names === undefined ? {} : { roles: names.filter(isRole) }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })
    return {
      body: {
        application_credential: renderApplicationCredential(created.credential, rootOf(request), created.secret),
      },
    }
  },
})

const remove = defineIdentityRoute<never>({
  name: 'application_credentials:delete',
  method: 'DELETE',
  path: `${path}/{id}`,
  success: 204,
  policy,
  async handle(request) {
    await identityOf(request).deleteApplicationCredential(request.caller.user, findCredential(request).id)
    return {}
  },
})

export const applicationCredentialRoutes: readonly Route[] = [list, show, create, remove]
