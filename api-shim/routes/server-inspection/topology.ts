/** GET /servers/{server_id}/topology: no flavor asks for a NUMA topology yet, so a server has none. */
import { noParameters } from '../../validation/parameters.ts'
import { defineRoute } from '../route.ts'
import { findServer } from '../servers/find.ts'

export const serverTopology = defineRoute<null>({
  name: 'server-topology:show',
  method: 'GET',
  path: '/servers/{server_id}/topology',
  since: '2.78',
  success: 200,
  policy: { rule: 'compute:server:topology:index', role: 'reader', inHandler: true },
  query: noParameters,
  async handle(request) {
    await findServer(request)
    request.authorize()
    return { body: { nodes: [], pagesize_kb: null } }
  },
})
