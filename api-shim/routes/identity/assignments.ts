import { keystoneForbids, newNotFound } from '../../http/fault.ts'
import type { RoleAssignment, User } from '../../identity/backend.ts'
import { includedRoles } from '../../identity/caller.ts'
import type { Query } from '../../validation/request.ts'
import { renderAssignment, renderCollection, renderProject, renderRole, roleIdOf } from '../../views/identity.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'
import { identityOf, rootOf } from './tokens.ts'
import { findUserById } from './users.ts'

const defineIdentityRoute = defineRouteOf('identity')
type Request = RouteRequest<never>
const everybody = { rule: 'identity:list_role_assignments', role: 'any' } as const

/** Administrators see all assignments, everybody else their own. */
const visibleTo = (request: Request): RoleAssignment[] =>
  identityOf(request)
    .assignments()
    .filter(({ user }) => request.can({ role: 'admin' }) || user.id === request.caller.user.id)

/** A parameter without a value, such as `?effective`, counts as true. */
const isSet = (query: Query, name: string): boolean => {
  const value = query[name]?.at(-1)?.toLowerCase()
  return value !== undefined && !['0', 'false'].includes(value)
}

const withIncludedRoles = (assignment: RoleAssignment): RoleAssignment[] =>
  [...includedRoles([assignment.role])].map((role) => ({ ...assignment, role }))

function matches({ user, project, role }: RoleAssignment, query: Query): boolean {
  const wanted: Readonly<Record<string, string>> = {
    'user.id': user.id,
    'scope.project.id': project.id,
    'role.id': roleIdOf(role),
  }
  // Groups, and roles in domains or in the system, do not exist here.
  const impossible = ['group.id', 'scope.domain.id', 'scope.system'].some((name) => query[name] !== undefined)
  return !impossible && Object.entries(wanted).every(([name, id]) => query[name]?.includes(id) ?? true)
}

const list = defineIdentityRoute<never>({
  name: 'role_assignments:list',
  method: 'GET',
  path: '/role_assignments',
  success: 200,
  policy: everybody,
  async handle(request) {
    const { query } = request
    const root = rootOf(request)
    const all = visibleTo(request).flatMap((one) => (isSet(query, 'effective') ? withIncludedRoles(one) : [one]))
    const items = all
      .filter((assignment) => matches(assignment, query))
      .map((assignment) => renderAssignment(assignment, root, isSet(query, 'include_names')))
    return { body: renderCollection('role_assignments', items, `${root}/role_assignments`) }
  },
})

function findUser(request: Request): User {
  const id = request.params['user_id'] ?? ''
  const isOwn = id === request.caller.user.id
  if (!isOwn && !request.can({ role: 'admin' })) throw keystoneForbids('identity:get_user')
  return findUserById(request, id)
}

const projectsOfUser = defineIdentityRoute<never>({
  name: 'users:projects',
  method: 'GET',
  path: '/users/{user_id}/projects',
  success: 200,
  policy: everybody,
  async handle(request) {
    const user = findUser(request)
    const root = rootOf(request)
    const projects = identityOf(request).projectsOf(user)
    const items = projects.map((project) => renderProject(project, root))
    return { body: renderCollection('projects', items, `${root}/users/${user.id}/projects`) }
  },
})

const groupsOfUser = defineIdentityRoute<never>({
  name: 'users:groups',
  method: 'GET',
  path: '/users/{user_id}/groups',
  success: 200,
  policy: everybody,
  async handle(request) {
    const user = findUser(request)
    return { body: renderCollection('groups', [], `${rootOf(request)}/users/${user.id}/groups`) }
  },
})

const rolesPath = '/projects/{project_id_of_role}/users/{user_id}/roles'

function rolesOf(request: Request): RoleAssignment[] {
  const user = findUser(request)
  const projectId = request.params['project_id_of_role']
  return visibleTo(request).filter((one) => one.user.id === user.id && one.project.id === projectId)
}

const rolesOfUser = defineIdentityRoute<never>({
  name: 'roles:list-of-user',
  method: 'GET',
  path: rolesPath,
  success: 200,
  policy: everybody,
  async handle(request) {
    const root = rootOf(request)
    const items = rolesOf(request).map(({ role }) => renderRole(role, root))
    return { body: renderCollection('roles', items, `${root}${rolesPath}`) }
  },
})

const roleOfUser = defineIdentityRoute<never>({
  name: 'roles:check',
  method: 'HEAD',
  path: `${rolesPath}/{role_id}`,
  success: 204,
  policy: everybody,
  async handle(request) {
    const id = request.params['role_id'] ?? ''
    if (!rolesOf(request).some(({ role }) => roleIdOf(role) === id))
      throw newNotFound(`Could not find role assignment with role: ${id}.`)
    return {}
  },
})

export const assignmentRoutes: readonly Route[] = [list, projectsOfUser, groupsOfUser, rolesOfUser, roleOfUser]
