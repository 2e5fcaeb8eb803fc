/** GET /servers/{server_id}. */
import { noParameters } from '../../validation/parameters.ts'
import { renderServer } from '../../views/servers.ts'
import { defineRoute } from '../route.ts'
import { findServer, serverViewContext } from './find.ts'

export const serversShow = defineRoute<null>({
  name: 'servers:show',
  method: 'GET',
  path: '/servers/{server_id}',
  success: 200,
  policy: { rule: 'os_compute_api:servers:show', role: 'reader', inHandler: true },
  query: noParameters,
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    return { body: { server: renderServer(server, serverViewContext(request, 'show')) } }
  },
})
