/**
 * Roles from RBAC. A RoleBinding to one of Nova's roles grants it in the project of its namespace, a ClusterRoleBinding
 * in all projects. Nova's administrators see all projects, so in a RoleBinding, admin means only manager.
 */
import type { ClusterRoleBinding, RoleBinding, Subject } from '../../../kube/builtin-kinds.ts'
import type { ReadonlyCache } from '../../../kube/cache.ts'
import type { State } from '../../state/state.ts'
import type { RoleAssignment } from '../backend.ts'
import { allRoles, includedRoles, type Project, type Role } from '../caller.ts'
import type { EmbeddedUser } from './users.ts'

const CLUSTER_ROLE_PREFIX = 'kubenova-'
export const clusterRoleOf = (role: Role): string => CLUSTER_ROLE_PREFIX + role
const roleOfClusterRole = new Map(allRoles.map((role) => [clusterRoleOf(role), role]))

/** All users of the shim are in this group, to which the operator can bind roles. */
export const USERS_GROUP = 'kubenova:users'

/**
 * An administrator whom a client has made is one in this project only, as in Keystone: the annotation of a
 * ClusterRoleBinding has the project's ID. The shim gives the user the role in no other project.
 */
export const PROJECT_ID = 'compute.kubenova.io/project-id'

export interface Bindings {
  roleBindings: ReadonlyCache<RoleBinding>
  clusterRoleBindings: ReadonlyCache<ClusterRoleBinding>
}

export const bindingsOf = ({ unchecked }: State): Bindings => ({
  roleBindings: unchecked.roleBindings.cache,
  clusterRoleBindings: unchecked.clusterRoleBindings.cache,
})

export const isSubject =
  (user: string) =>
  ({ kind, name }: Subject): boolean =>
    (kind === 'User' && name === user) || (kind === 'Group' && name === USERS_GROUP)

const isBoundBy = (user: string, { subjects = [] }: Pick<RoleBinding, 'subjects'>): boolean =>
  subjects.some(isSubject(user))

export const roleOf = ({ roleRef }: Pick<RoleBinding, 'roleRef'>): Role | undefined =>
  roleRef.kind === 'ClusterRole' ? roleOfClusterRole.get(roleRef.name) : undefined

export function roleInNamespaceOf(binding: RoleBinding): Role | undefined {
  const role = roleOf(binding)
  return role === 'admin' ? 'manager' : role
}

/** The only project in which the binding counts; undefined if it counts in all. */
export const projectIdOf = ({ metadata }: ClusterRoleBinding): string | undefined => metadata.annotations?.[PROJECT_ID]

/** @param project undefined: any project */
export const countsIn = (project: Project | undefined, binding: ClusterRoleBinding): boolean =>
  project === undefined || [undefined, project.id].includes(projectIdOf(binding))

/** Includes the implied roles. */
export function rolesIn(bindings: Bindings, kubernetesName: string, project: Project): ReadonlySet<Role> {
  const inCluster = bindings.clusterRoleBindings
    .list()
    .filter((binding) => isBoundBy(kubernetesName, binding) && countsIn(project, binding))
    .map(roleOf)
  const inNamespace = bindings.roleBindings
    .list(project.namespace)
    .filter((binding) => isBoundBy(kubernetesName, binding))
    .map(roleInNamespaceOf)
  return includedRoles([...inCluster, ...inNamespace].filter((role) => role !== undefined))
}

/** The roles that bindings give. Roles that only are implied by others are left out. */
export function listAssignments(
  { roleBindings, clusterRoleBindings }: Bindings,
  users: readonly EmbeddedUser[],
  projects: readonly Project[],
): RoleAssignment[] {
  const usersByName = new Map(users.map((user) => [user.kubernetesName, user]))
  const usersOf = (subjects: readonly Subject[] = []): readonly EmbeddedUser[] =>
    subjects.some(({ kind, name }) => kind === 'Group' && name === USERS_GROUP)
      ? users
      : subjects.flatMap(({ kind, name }) => (kind === 'User' ? (usersByName.get(name) ?? []) : []))
  const found = new Map<string, RoleAssignment>()
  const add = (role: Role | undefined, subjects: readonly Subject[] | undefined, where: readonly Project[]): void => {
    if (role === undefined) return
    for (const user of usersOf(subjects))
      for (const project of where) found.set(`${user.id} ${project.id} ${role}`, { user, project, role })
  }
  const byNamespace = Map.groupBy(projects, ({ namespace }) => namespace)
  const byId = Map.groupBy(projects, ({ id }) => id)
  for (const binding of clusterRoleBindings.values()) {
    const id = projectIdOf(binding)
    add(roleOf(binding), binding.subjects, id === undefined ? projects : (byId.get(id) ?? []))
  }
  for (const binding of roleBindings.values())
    add(roleInNamespaceOf(binding), binding.subjects, byNamespace.get(binding.metadata.namespace ?? '') ?? [])
  return [...found.values()]
}
