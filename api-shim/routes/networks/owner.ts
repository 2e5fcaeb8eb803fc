/** The attributes project_id and tenant_id, which are two names for the project of a network, subnet or port. */
import { newBadRequest } from '../../http/fault.ts'
import { isAdmin, type Project } from '../../identity/caller.ts'
import type { RouteRequest } from '../route.ts'

export interface OwnerAttributes {
  project_id?: string
  tenant_id?: string
}

const names = ['project_id', 'tenant_id'] as const

/**
 * The project that a new object shall have: that of the token, or another one that an administrator names. Throws a 400
 * to everybody else who names another one, as Neutron does.
 */
export function ownerFor(given: OwnerAttributes, { caller, state }: Pick<RouteRequest, 'caller' | 'state'>): Project {
  const own = caller.project ?? state.shared.projectOf(state.namespace)
  const wanted = wantedOwner(given)
  if (wanted === undefined || wanted === own.id) return own
  if (!isAdmin(caller))
    throw newBadRequest(
      "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.",
    )
  const project = state.shared.findProject(wanted)
  if (!project) throw newBadRequest(`Invalid input for project_id. Reason: there is no project '${wanted}'.`)
  return project
}

function wantedOwner({ project_id: project, tenant_id: tenant }: OwnerAttributes): string | undefined {
  if (project !== undefined && tenant !== undefined && project !== tenant)
    throw newBadRequest("'project_id' and 'tenant_id' do not match")
  return project ?? tenant
}

/** Throws a 400 if the request would change the project. */
export function checkNoOwner(given: OwnerAttributes): void {
  const name = names.find((candidate) => given[candidate] !== undefined)
  if (name !== undefined) throw newBadRequest(`Cannot update read-only attribute ${name}`)
}
