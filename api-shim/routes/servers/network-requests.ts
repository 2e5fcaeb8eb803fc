import type { Network, Port, Server } from '../../../crds/index.ts'
import { newBadRequest, newConflict } from '../../http/fault.ts'
import { networks, networksById, ports, portsById } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'
import type { NetworkRequest } from './create-schema.ts'

type Request = Pick<RouteRequest<never>, 'state'>
type ServerNetwork = Server['spec']['networks'][number]

/** @param wanted absent or `auto`: the only network that the project can use, if there is one */
export async function networksFrom(
  wanted: readonly NetworkRequest[] | 'none' | 'auto' | undefined,
  request: Request,
): Promise<ServerNetwork[]> {
  if (wanted === 'none') return []
  if (wanted === undefined || wanted === 'auto' || wanted.length === 0) return onlyNetwork(request)
  return Promise.all(wanted.map((one) => networkFrom(one, request)))
}

async function onlyNetwork({ state }: Request): Promise<ServerNetwork[]> {
  const usable = (await state.read(networks)).list()
  const own = usable.filter(({ metadata }) => metadata.namespace === state.namespace)
  const candidates = own.length > 0 ? own : usable
  if (candidates.length > 1)
    throw newConflict('Multiple possible networks found, use a Network ID to be more specific.')
  return candidates.map((network) => referenceTo(network, state.namespace))
}

const referenceTo = ({ metadata }: Network, namespace: string): ServerNetwork => ({
  name: metadata.name,
  ...(metadata.namespace === namespace || metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
})

async function networkFrom(
  { uuid, port, fixed_ip: fixedIP, tag }: NetworkRequest,
  request: Request,
): Promise<ServerNetwork> {
  const tagged = tag === undefined ? {} : { tag }
  if (port !== undefined && port !== null) {
    if (fixedIP !== undefined)
      throw newBadRequest(
        `Specified Fixed IP '${fixedIP}' cannot be used with port '${port}': the two cannot be specified together.`,
      )
    return { port: (await findPort(port, request)).metadata.name, ...tagged }
  }
  if (uuid === undefined) throw newBadRequest("Bad network format: missing 'uuid'")
  const [network] = (await request.state.read(networks)).find(networksById, uuid)
  if (!network) throw newBadRequest(`Network ${uuid} could not be found.`)
  checkUsable(network, request)
  return { ...referenceTo(network, request.state.namespace), ...(fixedIP === undefined ? {} : { fixedIP }), ...tagged }
}

/** Administrators see the networks of all projects, but a server can only use its project's and shared ones. */
function checkUsable({ metadata, spec }: Network, { state }: Request): void {
  if (metadata.namespace === state.namespace || spec.shared) return
  throw newBadRequest(`Network ${metadata.uid} belongs to another project and is not shared.`)
}

async function findPort(id: string, { state }: Request): Promise<Port> {
  const [port] = (await state.read(ports)).find(portsById, id)
  if (!port || port.metadata.namespace !== state.namespace) throw newBadRequest(`Port ${id} could not be found.`)
  if (port.status?.server !== undefined) throw newConflict(`Port ${id} is still in use.`)
  return port
}
