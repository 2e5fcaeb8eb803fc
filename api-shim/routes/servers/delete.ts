/** DELETE /servers/{server_id}. */
import { annotationWith } from '../../state/recent-requests.ts'
import { servers } from '../../state/stores.ts'
import { defineRoute } from '../route.ts'
import { checkLock, findServer } from './find.ts'

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
    if (server.metadata.deletionTimestamp !== undefined) return {}
    const writer = request.state.write(servers)
    // An admission policy refuses to delete a locked Server, so unlock the Server first. As in Nova, an administrator
    // may delete a locked server without unlocking it.
    const spec = server.spec.locked ? { locked: false, lockedReason: null } : {}
    await writer.patch(server.metadata, { metadata: { annotations: annotationWith(server, 'delete', request) }, spec })
    await writer.delete(server)
    return {}
  },
})
