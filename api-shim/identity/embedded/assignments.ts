/**
 * Roles from RBAC. A RoleBinding to one of Nova's roles gives the role in the project of its namespace, a
 * ClusterRoleBinding in all projects. The role admin counts only in a ClusterRoleBinding, because Nova's administrators
 * see all projects; in one namespace, it is the role manager.
 */
import type { ClusterRoleBinding, RoleBinding, Subject } from '../../../kube/builtin-kinds.ts'
import type { ReadonlyCache } from '../../../kube/cache.ts'
import type { RoleAssignment, User } from '../backend.ts'
import { includedRoles, type Project, type Role } from '../caller.ts'

/** Nova's roles by the ClusterRoles that stand for them. */
const roleOfClusterRole: Readonly<Record<string, Role>> = {
  'kubenova-admin': 'admin',
  'kubenova-manager': 'manager',
  'kubenova-member': 'member',
  'kubenova-reader': 'reader',
  'kubenova-service': 'service',
}

/** The group of all users of the shim, to which the operator can bind roles, too. */
export const USERS_GROUP = 'kubenova:users'

export interface Bindings {
  roleBindings: ReadonlyCache<RoleBinding>
  clusterRoleBindings: ReadonlyCache<ClusterRoleBinding>
}

const names = (subjects: readonly Subject[] | undefined, user: string): boolean =>
  (subjects ?? []).some(
    ({ kind, name }) => (kind === 'User' && name === user) || (kind === 'Group' && name === USERS_GROUP),
  )

const roleOf = ({ roleRef }: Pick<RoleBinding, 'roleRef'>): Role | undefined =>
  roleRef.kind === 'ClusterRole' ? roleOfClusterRole[roleRef.name] : undefined

/** The roles that a user has in a namespace, with those that they include. */
export function rolesIn(bindings: Bindings, user: string, namespace: string): ReadonlySet<Role> {
  const everywhere = bindings.clusterRoleBindings
    .list()
    .filter(({ subjects }) => names(subjects, user))
    .map(roleOf)
  const here = bindings.roleBindings
    .list(namespace)
    .filter(({ subjects }) => names(subjects, user))
    .map((binding) => (roleOf(binding) === 'admin' ? 'manager' : roleOf(binding)))
  return includedRoles([...everywhere, ...here].filter((role) => role !== undefined))
}

/** All assignments: each user in each project, with the roles that are not included by another one. */
export function listAssignments(
  bindings: Bindings,
  users: readonly User[],
  projects: readonly Project[],
): RoleAssignment[] {
  return users.flatMap((user) =>
    projects.flatMap((project) =>
      highestOf(rolesIn(bindings, user.name, project.name)).map((role) => ({ user, project, role })),
    ),
  )
}

function highestOf(roles: ReadonlySet<Role>): Role[] {
  return [...roles].filter((role) => ![...roles].some((other) => other !== role && includedRoles([other]).has(role)))
}
