/**
 * Finds a server of any project. As in Nova, the rule is checked with the project of the server, so the server is
 * looked up first.
 */
import type { Server } from '../../../crds/index.ts'
import { newNotFound, policyForbids } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { findDeletion } from '../../state/deleted-servers.ts'
import { servers, serversByUuid } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'
import { findServer } from './find.ts'

/** Throws a 404 that tells whether there is such a server in another project. */
export async function findServerByMapping(request: Pick<RouteRequest, 'state' | 'params'>): Promise<Server> {
  const id = request.params['server_id'] ?? ''
  const isMapped =
    request.state.shared.storeOf(servers).cache.byIndex(serversByUuid, id).length > 0 ||
    (await findDeletion(id, request.state)) !== undefined
  if (!isMapped) throw newNotFound(`Instance ${id} has no mapping to a cell.`)
  return findServer(request)
}

/** Throws a 404 if there is no such server, and a 403 if the caller may not do what the rule allows. */
export async function findMappedServer(request: RouteRequest, rule: string): Promise<Server> {
  const { state, caller, params } = request
  const id = params['server_id'] ?? ''
  const [server] = state.shared.storeOf(servers).cache.byIndex(serversByUuid, id)
  if (!server) throw newNotFound(`Instance ${id} has no mapping to a cell.`)
  if (!isAdmin(caller) && server.metadata.namespace !== state.namespace) throw policyForbids(rule)
  request.authorize()
  return server
}
