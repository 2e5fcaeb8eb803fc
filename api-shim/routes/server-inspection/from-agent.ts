/**
 * What only the agent of a server's host knows: the console's log and libvirt's statistics. The agent does not serve them
 * to the shim yet, so both are answered as Nova answers where the hypervisor driver cannot tell them.
 */
import type { Server } from '../../../crds/index.ts'
import { conflict, notImplemented } from '../../http/fault.ts'
import { uuidOf } from '../../state/stores.ts'
import { noParameters } from '../../validation/no-parameters.ts'
import { object, schema, type TypeOf } from '../../validation/schema.ts'
import { defineRoute } from '../route.ts'
import { findServer } from '../servers/find.ts'

const unsupported = (): Error => notImplemented('The requested functionality is not supported.')

function requireHost(server: Server): void {
  if (server.status?.host === undefined) throw conflict(`Instance ${uuidOf(server)} is not ready`)
}

export const serverDiagnostics = defineRoute<null>({
  name: 'server-diagnostics:show',
  method: 'GET',
  path: '/servers/{server_id}/diagnostics',
  success: 200,
  policy: { rule: 'os_compute_api:os-server-diagnostics', role: 'admin', inHandler: true },
  query: noParameters,
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    requireHost(server)
    // libvirt has no statistics of a domain that is off.
    if (server.status?.powerState === 'Shutdown')
      throw conflict(`Cannot 'get_diagnostics' instance ${uuidOf(server)} while it is in power state shutdown`)
    throw unsupported()
  },
})

const length = schema<number | string | null>({
  type: ['integer', 'string', 'null'],
  pattern: '^-?[0-9]+$',
  minimum: -1,
})
const body = object({ 'os-getConsoleOutput': object({ length }) }, { required: ['os-getConsoleOutput'] })

export const consoleOutput = defineRoute<TypeOf<typeof body>>({
  name: 'servers:os-getConsoleOutput',
  method: 'POST',
  path: '/servers/{server_id}/action',
  action: 'os-getConsoleOutput',
  success: 200,
  policy: { rule: 'os_compute_api:os-console-output', role: 'member', inHandler: true },
  body: { '2.1': body },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    requireHost(server)
    throw unsupported()
  },
})
