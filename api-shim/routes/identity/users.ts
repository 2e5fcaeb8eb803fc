import { keystoneForbids, newForbidden, newNotFound } from '../../http/fault.ts'
import type { UserChange, UserDetails } from '../../identity/backend.ts'
import { isTrue, type TypeOf } from '../../validation/schema.ts'
import { isDefaultDomain, renderUser } from '../../views/identity.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'
import { checkName, extraOfUser, passwordChange, userCreation, userUpdate } from './change-schemas.ts'
import { identityOf, rootOf } from './tokens.ts'

const defineIdentityRoute = defineRouteOf('identity')

type Fields = TypeOf<typeof userUpdate>['user']

/** In characters. A longer password cannot be used to log in. */
const MAX_PASSWORD_LENGTH = 1024

export function findUserById(request: Pick<RouteRequest, 'services'>, id: string): UserDetails {
  const user = identityOf(request)
    .users()
    .find((candidate) => candidate.id === id)
  if (!user) throw newNotFound(`Could not find user: ${id}.`)
  return user
}

function checkPassword(password: string | null | undefined): void {
  if (typeof password === 'string' && password.length > MAX_PASSWORD_LENGTH)
    throw newForbidden(
      `The password length must be less than or equal to ${MAX_PASSWORD_LENGTH}. The server could not comply with the request because the password is invalid.`,
    )
}

function checkFields({ domain_id: domain, name, password }: Fields): void {
  checkName(name)
  if (domain !== undefined && domain !== null && !isDefaultDomain(domain))
    throw newNotFound(`Could not find domain: ${domain}.`)
  checkPassword(password)
}

function changeFrom(fields: Fields): UserChange {
  const { default_project_id: defaultProjectId, enabled, password } = fields
  const extra = extraOfUser(fields)
  return {
    ...(defaultProjectId === undefined ? {} : { defaultProjectId }),
    ...(enabled === undefined ? {} : { isEnabled: isTrue(enabled) }),
    ...(password === undefined ? {} : { password }),
    ...(extra === undefined ? {} : { extra }),
  }
}

const create = defineIdentityRoute<TypeOf<typeof userCreation>>({
  name: 'users:create',
  method: 'POST',
  path: '/users',
  success: 201,
  policy: { rule: 'identity:create_user', role: 'admin' },
  body: { '2.0': userCreation },
  async handle(request) {
    const { user: fields } = request.body
    checkFields(fields)
    const draft = { name: fields.name.trim(), ...changeFrom(fields) }
    const user = await identityOf(request).administration.createUser(request.caller, draft)
    return { body: { user: renderUser(user, rootOf(request)) } }
  },
})

const update = defineIdentityRoute<TypeOf<typeof userUpdate>>({
  name: 'users:update',
  method: 'PATCH',
  path: '/users/{id}',
  success: 200,
  policy: { rule: 'identity:update_user', role: 'admin' },
  body: { '2.0': userUpdate },
  async handle(request) {
    const { user: fields } = request.body
    const user = findUserById(request, request.params['id'] ?? '')
    checkFields(fields)
    if (fields.name !== undefined && fields.name.trim() !== user.name)
      throw newForbidden('The name of a user is part of its role bindings, and cannot change.')
    const changed = await identityOf(request).administration.updateUser(request.caller, user, changeFrom(fields))
    return { body: { user: renderUser(changed, rootOf(request)) } }
  },
})

const remove = defineIdentityRoute<never>({
  name: 'users:delete',
  method: 'DELETE',
  path: '/users/{id}',
  success: 204,
  policy: { rule: 'identity:delete_user', role: 'admin' },
  async handle(request) {
    const user = findUserById(request, request.params['id'] ?? '')
    await identityOf(request).administration.deleteUser(request.caller, user)
    return {}
  },
})

/** The original password proves who the user is, so that a stolen token is not enough. */
const changePassword = defineIdentityRoute<TypeOf<typeof passwordChange>>({
  name: 'users:change-password',
  method: 'POST',
  path: '/users/{id}/password',
  success: 204,
  policy: { rule: 'identity:change_password', role: 'any' },
  body: { '2.0': passwordChange },
  async handle(request) {
    const { original_password: original, password } = request.body.user
    const { user } = request.caller
    if (request.params['id'] !== user.id) throw keystoneForbids('identity:change_password')
    checkPassword(password)
    await identityOf(request).changePassword(user, original, password)
    return {}
  },
})

export const userRoutes: readonly Route[] = [create, update, remove, changePassword]
