import { newNotFound } from '../../http/fault.ts'
import type { RoleAssignment } from '../../identity/backend.ts'
import { allRoles } from '../../identity/caller.ts'
import { roleIdOf } from '../../views/identity.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'
import { findProject } from './projects.ts'
import { identityOf } from './tokens.ts'
import { findUserById } from './users.ts'

const defineIdentityRoute = defineRouteOf('identity')
const path = '/projects/{project_id_of_role}/users/{user_id}/roles/{role_id}'

function grantOf(request: RouteRequest<never>): RoleAssignment {
  const { project_id_of_role: projectId = '', user_id: userId = '', role_id: roleId = '' } = request.params
  const role = allRoles.find((candidate) => roleIdOf(candidate) === roleId)
  if (!role) throw newNotFound(`Could not find role: ${roleId}.`)
  return { role, user: findUserById(request, userId), project: findProject(request, projectId) }
}

const create = defineIdentityRoute<never>({
  name: 'roles:grant',
  method: 'PUT',
  path,
  success: 204,
  policy: { rule: 'identity:create_grant', role: 'admin' },
  async handle(request) {
    await identityOf(request).administration.grantRole(request.caller, grantOf(request))
    return {}
  },
})

const remove = defineIdentityRoute<never>({
  name: 'roles:revoke',
  method: 'DELETE',
  path,
  success: 204,
  policy: { rule: 'identity:revoke_grant', role: 'admin' },
  async handle(request) {
    await identityOf(request).administration.revokeRole(request.caller, grantOf(request))
    return {}
  },
})

export const grantRoutes: readonly Route[] = [create, remove]
