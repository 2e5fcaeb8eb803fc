import type { Hypervisor, Server } from '../../../crds/index.ts'
import { newNotFound } from '../../http/fault.ts'
import { isUuid, numericIdOf, parseInteger, requireUuid } from '../../state/numeric-ids.ts'
import { hypervisors, hypervisorsById, servers, serversByHost, uuidOf } from '../../state/stores.ts'
import { type HostLoad, type HypervisorDetailOptions, renderHypervisorDetail } from '../../views/hypervisors.ts'
import type { RouteRequest } from '../route.ts'
import { listHypervisors } from '../services/services.ts'

type Request = Pick<RouteRequest, 'state' | 'params' | 'version' | 'services'>

export const hypervisorRule = (operation: string) =>
  ({ rule: `os_compute_api:os-hypervisors:${operation}`, role: 'admin' }) as const

const missing = (id: string): Error => newNotFound(`Hypervisor with ID '${id}' could not be found.`)

/** Since 2.53 the ID must be a UUID. Before, a text that is no number is a 404. */
export async function findHypervisor(request: Request): Promise<Hypervisor> {
  const { params, version, state } = request
  const id = params['hypervisor_id'] ?? ''
  if (version >= 53) requireUuid(id)
  else if (parseInteger(id) === undefined) throw missing(id)
  const found = isUuid(id)
    ? (await state.read(hypervisors)).find(hypervisorsById, id.toLowerCase())[0]
    : (await listHypervisors(request)).find((hypervisor) => numericIdOf(hypervisor) === parseInteger(id))
  if (!found) throw missing(id)
  return found
}

/** Throws a 404 if no hypervisor's name contains the text. */
export async function matchHypervisors(text: string, request: Pick<Request, 'state'>): Promise<Hypervisor[]> {
  const found = (await listHypervisors(request)).filter(({ metadata }) => metadata.name.includes(text))
  if (found.length === 0) throw newNotFound(`No hypervisor matching '${text}' could be found.`)
  return found
}

const serversOn = async (host: string, { state }: Pick<Request, 'state'>): Promise<Server[]> =>
  (await state.read(servers)).find(serversByHost, host)

export const listServersOf = async (
  { metadata }: Hypervisor,
  request: Pick<Request, 'state'>,
): Promise<{ name: string; uuid: string }[]> =>
  (await serversOn(metadata.name, request)).map((server) => ({
    name: server.status?.domain?.name ?? server.metadata.name,
    uuid: uuidOf(server),
  }))

export async function loadOf({ metadata }: Hypervisor, request: Pick<Request, 'state'>): Promise<HostLoad> {
  const found = await serversOn(metadata.name, request)
  return { servers: found.length, busy: found.filter(({ status }) => status?.taskState !== undefined).length }
}

export async function describeHypervisor(
  hypervisor: Hypervisor,
  request: Request,
  shown: HypervisorDetailOptions['servers'],
): Promise<object> {
  const load = await loadOf(hypervisor, request)
  const now = request.services.clock.wall()
  return renderHypervisorDetail(hypervisor, { version: request.version, servers: shown, load, now })
}
