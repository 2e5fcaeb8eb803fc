/**
 * /servers/{server_id}/os-interface: the network interfaces of a server. A server gets its interfaces at its creation;
 * none can be attached or detached later.
 */
import type { Port, Server } from '../../../crds/index.ts'
import { newBadRequest, newConflict, newNotFound } from '../../http/fault.ts'
import { networks, networksById, ports, portsById } from '../../state/stores.ts'
import { noParameters } from '../../validation/parameters.ts'
import { objectSchema, schemaFrom, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { renderPort } from '../../views/networks.ts'
import { networkViewOf } from '../networks/find.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { checkState } from '../servers/action-state.ts'
import { findServer } from '../servers/find.ts'
import { ipAddress, tag } from '../servers/parameters.ts'

type Request = RouteRequest

const path = '/servers/{server_id}/os-interface'
const itemPath = `${path}/{port_id}`
const policy = (operation: string, role: 'reader' | 'member') =>
  ({ rule: `os_compute_api:os-attach-interfaces:${operation}`, role, inHandler: true }) as const

const isPortOf = ({ metadata, spec, status }: Port, server: Server): boolean =>
  metadata.namespace === server.metadata.namespace && (status?.server ?? spec.server) === server.metadata.name

interface PortView {
  id: string
  network_id: string
  mac_address: string
  status: string
  fixed_ips: { subnet_id: string; ip_address: string }[]
}

function renderInterface(port: Port, server: Server, request: Request): object {
  const view = renderPort(port, networkViewOf(request)) as PortView
  const { tag: name = null } = server.status?.instance?.interfaces.find(({ portId }) => portId === view.id) ?? {}
  return {
    net_id: view.network_id,
    port_id: view.id,
    mac_addr: view.mac_address,
    port_state: view.status,
    fixed_ips: view.fixed_ips.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    ...(request.version >= 70 ? { tag: name } : {}),
  }
}

/** The ports of a server in the order of its interfaces. Ports without an interface come last. */
async function listPortsOf(server: Server, { state }: Request): Promise<Port[]> {
  const order = (server.status?.instance?.interfaces ?? []).map(({ portId }) => portId)
  const rank = ({ metadata }: Port): number => order.indexOf(metadata.uid ?? '') + 1 || order.length + 1
  const reader = await state.read(ports)
  const all = server.metadata.namespace === state.namespace ? reader.list() : reader.listAllProjects()
  return all.filter((port) => isPortOf(port, server)).toSorted((a, b) => rank(a) - rank(b))
}

export const interfacesList = defineRoute<null>({
  name: 'interfaces:list',
  method: 'GET',
  path,
  success: 200,
  policy: policy('list', 'reader'),
  query: noParameters,
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    const found = await listPortsOf(server, request)
    return { body: { interfaceAttachments: found.map((port) => renderInterface(port, server, request)) } }
  },
})

const findPort = async (id: string, { state }: Request): Promise<Port> => {
  const [port] = (await state.read(ports)).find(portsById, id)
  if (!port) throw newNotFound(`Port id ${id} could not be found.`)
  return port
}

export const interfacesShow = defineRoute<null>({
  name: 'interfaces:show',
  method: 'GET',
  path: itemPath,
  success: 200,
  policy: policy('show', 'reader'),
  query: noParameters,
  async handle(request) {
    const { port_id: id = '', server_id: serverId = '' } = request.params
    const server = await findServer(request)
    request.authorize()
    const port = await findPort(id, request)
    if (!isPortOf(port, server)) throw newNotFound(`Instance ${serverId} does not have a port with id ${id}`)
    return { body: { interfaceAttachment: renderInterface(port, server, request) } }
  },
})

const uuid = stringSchema({ format: 'uuid' })
const attachment = {
  net_id: uuid,
  port_id: uuid,
  fixed_ips: schemaFrom<{ ip_address: string }[]>({
    type: 'array',
    minItems: 1,
    maxItems: 1,
    items: objectSchema({ ip_address: ipAddress }, { required: ['ip_address'] }),
  }),
}
const body = objectSchema({ interfaceAttachment: objectSchema(attachment) })
const taggedBody = objectSchema({ interfaceAttachment: objectSchema({ ...attachment, tag }) })

const attachable = ['active', 'paused', 'stopped'] as const

export const interfacesCreate = defineRoute<TypeOf<typeof taggedBody>>({
  name: 'interfaces:create',
  method: 'POST',
  path,
  success: 200,
  policy: policy('create', 'member'),
  body: { '2.1': body, '2.49': taggedBody },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    const { net_id: network, port_id: portId, fixed_ips: addresses } = request.body.interfaceAttachment ?? {}
    if (network !== undefined && portId !== undefined) throw newBadRequest('Must not input both network_id and port_id')
    if (addresses !== undefined && network === undefined)
      throw newBadRequest('Must input network_id when request IP address')
    checkState(server, { name: 'attach_interface', from: attachable }, request)
    await checkTarget(network, portId, request)
    // Nova's text for a hypervisor driver that cannot attach interfaces to servers.
    throw newBadRequest(`Attaching interfaces is not supported for instance ${request.params['server_id']}.`)
  },
})

/** Throws a fault if there is no such network or port, or if the port is in use. */
async function checkTarget(network: string | undefined, portId: string | undefined, request: Request): Promise<void> {
  if (network !== undefined && (await request.state.read(networks)).find(networksById, network).length === 0)
    throw newNotFound(`Network ${network} could not be found.`)
  if (portId === undefined) return
  const { status } = await findPort(portId, request)
  if (status?.server !== undefined) throw newConflict(`Port ${portId} is still in use.`)
}

export const interfacesDelete = defineRoute<null>({
  name: 'interfaces:delete',
  method: 'DELETE',
  path: itemPath,
  success: 202,
  policy: policy('delete', 'member'),
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    checkState(server, { name: 'detach_interface', from: attachable }, request)
    const { port_id: id = '' } = request.params
    const found = await listPortsOf(server, request)
    // Nova accepts a port that the server does not have, because Nova's agent on the host finds nothing to detach.
    if (!found.some(({ metadata }) => metadata.uid === id)) return {}
    throw newBadRequest(`Detaching interfaces is not supported for instance ${request.params['server_id']}.`)
  },
})
