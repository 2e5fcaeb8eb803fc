/** The user on whose behalf a request is served: what a token says, and as whom the shim writes. */

/** Nova's default roles. Each role includes the ones after it; `service` includes none. */
export const roles = ['admin', 'manager', 'member', 'reader'] as const
export type Role = (typeof roles)[number] | 'service'

export interface Project {
  /** The uid of the namespace without dashes: clients expect a project ID in this form. */
  id: string
  /** The namespace. */
  name: string
}

export interface Caller {
  user: { id: string; name: string }
  /** Undefined for a token without a project; the Compute API does not accept such a token. */
  project?: Project
  /** All roles of the user in the project, those included by other roles too. */
  roles: ReadonlySet<Role>
  /** As whom the API server sees the user. */
  kubernetes: { user: string; groups: readonly string[] }
  /** true: the token comes from an application credential, which must not make further credentials. */
  isRestricted?: true
}

/** Whether the user is an administrator of the whole cloud, who sees the objects of all projects. */
export const isAdmin = (caller: Caller): boolean => caller.roles.has('admin')

/** The roles that a user has with these assigned roles: an administrator is also a manager, member and reader. */
export function includedRoles(assigned: Iterable<Role>): ReadonlySet<Role> {
  const all = new Set<Role>()
  for (const role of assigned) {
    if (role === 'service') all.add(role)
    else for (const included of roles.slice(roles.indexOf(role))) all.add(included)
  }
  return all
}

/** A project's ID from the uid of its namespace, and back. */
export const projectIdFromUid = (uid: string): string => uid.replaceAll('-', '')
export const uidFromProjectId = (id: string): string =>
  id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
