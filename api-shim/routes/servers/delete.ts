/** DELETE /servers/{server_id}. */
import type { Server } from '../../../crds/index.ts'
import { isConflict } from '../../../kube/errors.ts'
import type { DeleteOptions } from '../../../kube/resource.ts'
import { Fault } from '../../http/fault.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { annotationWith, recentRequestsOf } from '../../state/recent-requests.ts'
import { annotationsFor } from '../../state/server-facts.ts'
import { servers } from '../../state/stores.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { checkLock, findServer } from './find.ts'

const MAX_ATTEMPTS = 5

/** Records the request. As in Nova, an administrator may delete a locked server without unlocking it. */
function markDeletion(server: Server, request: RouteRequest<null>): MergePatch {
  checkLock(server, request)
  if (recentRequestsOf(server).some(({ requestId }) => requestId === request.requestId)) return {}
  const ignoreLock = server.spec.locked ? annotationsFor({ ignoreLock: 'delete' }) : {}
  return { metadata: { annotations: { ...annotationWith(server, 'delete', request), ...ignoreLock } } }
}

/** The API server deletes a locked Server only if the request names the version that has the mark. */
const deleteOptionsFor = ({ spec, metadata: { uid, resourceVersion } }: Server): DeleteOptions =>
  spec.locked ? { preconditions: { uid, resourceVersion } } : {}

/** The status of a locked Server may change between its mark and its deletion, which then fails and is tried again. */
async function deleteServer(server: Server, request: RouteRequest<null>): Promise<void> {
  let newest = server
  for (let attempt = 1; ; attempt++) {
    newest = await patchNewest(servers, newest, (current) => markDeletion(current, request), request)
    try {
      return await request.state.write(servers).delete(newest, deleteOptionsFor(newest))
    } catch (error) {
      if (!(error instanceof Fault) || !isConflict(error.cause) || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

export const serversDelete = defineRoute<null>({
  name: 'servers:delete',
  method: 'DELETE',
  path: '/servers/{server_id}',
  success: 204,
  policy: { rule: 'os_compute_api:servers:delete', role: 'member', inHandler: true },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    checkLock(server, request)
    if (server.metadata.deletionTimestamp === undefined) await deleteServer(server, request)
    return {}
  },
})
