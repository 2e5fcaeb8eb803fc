/** DELETE /servers/{server_id}. */
import type { Server } from '../../../crds/index.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
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
    // An admission policy refuses to delete a locked Server, so unlock the Server first. As in Nova, an administrator
    // may delete a locked server without unlocking it.
    const prepare = (newest: Server): MergePatch => {
      checkLock(newest, request)
      const spec = newest.spec.locked ? { locked: false, lockedReason: null } : {}
      return { metadata: { annotations: annotationWith(newest, 'delete', request) }, spec }
    }
    await request.state.write(servers).delete(await patchNewest(servers, server, prepare, request))
    return {}
  },
})
