/**
 * Roles from RBAC. A RoleBinding to one of Nova's roles grants it in the project of its namespace, a ClusterRoleBinding
 * in all projects. Nova's administrators see all projects, so in a RoleBinding, admin means only manager.
 */
import type { ClusterRoleBinding, RoleBinding, Subject } from '../../../kube/builtin-kinds.ts'
import type { ReadonlyCache } from '../../../kube/cache.ts'
import type { RoleAssignment, User } from '../backend.ts'
import { includedRoles, type Project, type Role } from '../caller.ts'

const roleOfClusterRole: Readonly<Record<string, Role>> = {
  'kubenova-admin': 'admin',
  'kubenova-manager': 'manager',
  'kubenova-member': 'member',
  'kubenova-reader': 'reader',
  'kubenova-service': 'service',
}

/** All users of the shim are in this group, to which the operator can bind roles. */
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

/** Includes the implied roles. */
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

/**
 * Returns the roles of each user in each project. A role is left out if another role of the user in that project
 * implies it.
 */
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
