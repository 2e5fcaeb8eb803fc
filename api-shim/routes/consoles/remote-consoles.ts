/**
 * There is no console proxy yet, so the answer for each console type is Nova's for a type that the deployment has
 * switched off.
 */
import { newBadRequest, newConflict, newNotFound } from '../../http/fault.ts'
import { objectSchema, oneOf, querySchema, type Schema, type TypeOf } from '../../validation/schema.ts'
import { taskStateOf } from '../../views/server-status.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'
import { findServer } from '../servers/find.ts'
import { requestedTaskOf } from '../servers/requests.ts'

const rule = 'os_compute_api:os-remote-consoles'
const MALFORMED = 'The server could not comply with the request since it is either malformed or otherwise incorrect.'

const word = (values: readonly string[]): Schema<string> => oneOf(values, { type: 'string' })
const bodyOf = (protocols: readonly string[], types: readonly string[]) =>
  objectSchema(
    {
      remote_console: objectSchema(
        { protocol: word(protocols), type: word(types) },
        { required: ['protocol', 'type'] },
      ),
    },
    { required: ['remote_console'] },
  )
const protocols = ['vnc', 'spice', 'serial', 'rdp']
const types = ['novnc', 'xvpvnc', 'spice-html5', 'serial', 'rdp-html5']
const first = bodyOf(protocols, types)

/** The types of each protocol. */
const typesOf: Readonly<Record<string, readonly string[]>> = {
  vnc: ['novnc'],
  spice: ['spice-html5', 'spice-direct'],
  serial: ['serial'],
  mks: ['webmks'],
}

/** Throws the fault that Nova gives for a server without this type of console. */
async function refuseConsole(type: string, name: string, request: RouteRequest): Promise<never> {
  const server = await findServer(request)
  const id = request.params['server_id'] ?? ''
  if (server.status?.host === undefined) throw newConflict(`Instance ${id} is not ready`)
  const task = taskStateOf(server, requestedTaskOf(server, request.state.shared))
  if (task === 'deleting' || task === 'migrating')
    throw newConflict(`Cannot '${name}' instance ${id} while it is in task_state ${task}`)
  throw newBadRequest(`Unavailable console type ${type}.`)
}

export const remoteConsolesCreate = defineRoute<TypeOf<typeof first>>({
  name: 'remote-consoles:create',
  method: 'POST',
  path: '/servers/{server_id}/remote-consoles',
  since: '2.6',
  success: 200,
  policy: { rule, role: 'member', inHandler: true },
  body: {
    '2.6': first,
    '2.8': bodyOf([...protocols, 'mks'], [...types, 'webmks']),
    '2.99': bodyOf([...protocols, 'mks'], [...types, 'webmks', 'spice-direct']),
  },
  async handle(request) {
    const { protocol, type } = request.body.remote_console
    await findServer(request)
    request.authorize()
    if (protocol === 'rdp') throw newBadRequest(MALFORMED)
    if (!typesOf[protocol]?.includes(type)) throw newBadRequest(`Invalid console type ${type}`)
    return refuseConsole(type, `get_${protocol}_console`, request)
  },
})

const consoleAction = (key: string, name: string, allowed: readonly string[]): Route => {
  const body = objectSchema(
    { [key]: objectSchema({ type: word(allowed) }, { required: ['type'] }) },
    { required: [key] },
  )
  return defineRoute<TypeOf<typeof body>>({
    name: `servers:${key}`,
    method: 'POST',
    path: '/servers/{server_id}/action',
    action: key,
    until: '2.5',
    success: 200,
    policy: { rule, role: 'member' },
    body: { '2.1': body },
    handle: (request) => refuseConsole(request.body[key]?.type ?? '', name, request),
  })
}

export const consoleActions: readonly Route[] = [
  consoleAction('os-getVNCConsole', 'get_vnc_console', ['novnc', 'xvpvnc']),
  consoleAction('os-getSPICEConsole', 'get_spice_console', ['spice-html5']),
  consoleAction('os-getSerialConsole', 'get_serial_console', ['serial']),
]

/** Before 2.31, Nova looks up only RDP consoles. It no longer has any, so each look-up gets a 400. */
const LOOK_UP_SINCE = 31

export const consoleAuthTokensShow = defineRoute<null>({
  name: 'console-auth-tokens:show',
  method: 'GET',
  path: '/os-console-auth-tokens/{token}',
  success: 200,
  policy: { rule: 'os_compute_api:os-console-auth-tokens', role: 'admin', inHandler: true },
  query: { '2.1': querySchema({}), '2.99': querySchema({}, { additionalProperties: false }) },
  async handle(request) {
    if (request.version < LOOK_UP_SINCE) throw newBadRequest(MALFORMED)
    request.authorize()
    throw newNotFound('Token not found')
  },
})
