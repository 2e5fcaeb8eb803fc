/** The user whose request is served: what the token says, and the Kubernetes user with which the shim writes. */

/** Nova's default roles. Each role includes the ones after it; `service` includes none. */
export const roles = ['admin', 'manager', 'member', 'reader'] as const
export type Role = (typeof roles)[number] | 'service'
export const allRoles: readonly Role[] = [...roles, 'service']

export interface Project {
  /** The uid of the namespace without dashes, the form of a project ID that clients expect. */
  id: string
  /** The name that clients see. It differs from the namespace's if it cannot be the name of a namespace. */
  name: string
  namespace: string
}

export interface Caller {
  user: { id: string; name: string }
  /** Undefined for a token without a project; the Compute API does not accept such a token. */
  project?: Project
  /** All roles of the user in the project, including implied ones. */
  roles: ReadonlySet<Role>
  /** The user and groups that the API server sees. */
  kubernetes: { user: string; groups: readonly string[] }
  /** True if the token comes from an application credential, which must not create further credentials. */
  isRestricted?: true
}

export const isAdmin = (caller: Caller): boolean => caller.roles.has('admin')

/** Adds the implied roles: an administrator is also a manager, member and reader. */
export function includedRoles(assigned: Iterable<Role>): ReadonlySet<Role> {
  const all = new Set<Role>()
  for (const role of assigned) {
    if (role === 'service') all.add(role)
    else for (const included of roles.slice(roles.indexOf(role))) all.add(included)
  }
  return all
}

/** The project's ID is its namespace's uid without dashes. */
export const projectIdFromUid = (uid: string): string => uid.replaceAll('-', '')
export const uidFromProjectId = (id: string): string =>
  id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
