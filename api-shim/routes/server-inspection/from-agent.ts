/** Routes whose answer only the agent of a server's host knows: the output of the console, and libvirt's statistics. */
import type { HostAnswer, HostQuestion } from '../../../actions/host-question.ts'
import type { Server } from '../../../crds/index.ts'
import { newConflict } from '../../http/fault.ts'
import { uuidOf } from '../../state/stores.ts'
import { noParameters } from '../../validation/parameters.ts'
import { objectSchema, schemaFrom, type TypeOf } from '../../validation/schema.ts'
import { renderDiagnostics, renderOldDiagnostics } from '../../views/diagnostics.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { findServer } from '../servers/find.ts'

async function askHost(
  server: Server,
  ask: HostQuestion['ask'],
  { services }: Pick<RouteRequest<never>, 'services'>,
): Promise<HostAnswer> {
  const host = services.state.unchecked.hypervisors.cache.get(server.status?.host ?? '')
  if (!host) throw newConflict(`Instance ${uuidOf(server)} is not ready`)
  return services.hosts.ask(host, { server: server.metadata.uid ?? '', ask })
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
    const isOff = server.status?.powerState === 'Shutdown'
    const answer = isOff ? undefined : await askHost(server, 'statistics', request)
    // libvirt has no statistics of a domain that is off.
    if (!answer || !('statistics' in answer))
      throw newConflict(`Cannot 'get_diagnostics' instance ${uuidOf(server)} while it is in power state shutdown`)
    const { statistics } = answer
    if (request.version < 48) return { body: renderOldDiagnostics(statistics) }
    const { state, clock } = request.services
    const host = state.unchecked.hypervisors.cache.get(server.status?.host ?? '')
    const context = { now: clock.wall(), hypervisor: host?.status?.domainType ?? 'kvm' }
    return { body: renderDiagnostics(server, statistics, context) }
  },
})

const length = schemaFrom<number | string | null>({
  type: ['integer', 'string', 'null'],
  pattern: '^-?[0-9]+$',
  minimum: -1,
})
const body = objectSchema({ 'os-getConsoleOutput': objectSchema({ length }) }, { required: ['os-getConsoleOutput'] })

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
    const answer = await askHost(server, 'console-output', request)
    const output = 'output' in answer ? answer.output : ''
    return { body: { output: withoutControls(lastLines(output, request.body['os-getConsoleOutput'].length)) } }
  },
})

/** As in Nova, a line feed at the end begins one more line. */
function lastLines(text: string, length: number | string | null | undefined): string {
  if (length === undefined || length === null) return text
  return Number(length) === 0 ? '' : text.split('\n').slice(-Number(length)).join('\n')
}

/** Nova removes the control characters that XML cannot have, also from JSON. */
const withoutControls = (text: string): string => text.replaceAll(/[^\t\n\P{Cc}\u007f-\u009f]/gu, '')
