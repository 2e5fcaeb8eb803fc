import type { Image, Server } from '../../../crds/index.ts'
import { newConflict, newNotFound } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { networkLabelsOf } from '../../state/network-labels.ts'
import { flavors, hypervisors, imageIdOf, servers, serversByUuid } from '../../state/stores.ts'
import type { ServerViewContext } from '../../views/servers.ts'
import type { RouteRequest } from '../route.ts'
import { requestedTaskOf } from './requests.ts'

type Request = Pick<RouteRequest<never>, 'state' | 'caller' | 'params' | 'version' | 'links'>

/** The server of the path. Throws a 404 if there is none, or if it belongs to a project that the caller cannot see. */
export async function findServer({ state, params }: Pick<Request, 'state' | 'params'>): Promise<Server> {
  const id = params['server_id'] ?? ''
  const reader = await state.read(servers)
  const [server] = reader.find(serversByUuid, id)
  if (!server) throw newNotFound(`Instance ${id} could not be found.`)
  return server
}

/** Throws a 409 if the server is locked and the caller is not an administrator. */
export function checkLock(
  server: Server,
  { caller, params }: Pick<Request, 'caller' | 'params'>,
  message = `Instance ${params['server_id']} is locked`,
): void {
  if (server.spec.locked && !isAdmin(caller)) throw newConflict(message)
}

/** Always the same object, because views/server-json.ts compares it by identity before it reuses a text. */
const noProperties = {}

/** A server without a host takes its image and flavor from the Image and Flavor objects. */
export function serverViewContext(
  { state, caller, version, links }: Request,
  form: ServerViewContext['form'],
): ServerViewContext {
  const { shared } = state
  const caches = shared.unchecked
  const imageOf = ({ metadata, spec }: Server) =>
    spec.image && caches.images.cache.get(`${spec.image.namespace ?? metadata.namespace}/${spec.image.name}`)
  return {
    version,
    links,
    form,
    isAdmin: isAdmin(caller),
    projectIdOf: ({ metadata }) => shared.projectOf(metadata.namespace ?? '').id,
    imageIdOf: (server) => imageIdFor(server, imageOf(server)),
    imagePropertiesOf: (server) =>
      server.status?.instance?.image.properties ?? imageOf(server)?.spec.properties ?? noProperties,
    flavorOf: ({ spec }) => shared.storeOf(flavors).cache.get(spec.flavor),
    networkLabelsOf: (server) => networkLabelsOf(server, shared),
    requestedTaskOf: (server) => requestedTaskOf(server, shared),
    hostStatusOf: ({ status }) => hostStatusOf(shared.storeOf(hypervisors).cache.get(status?.host ?? '')),
  }
}

/** If the Image was deleted or recreated, its ID is the uid in the server's status. */
function imageIdFor({ status }: Server, image: Image | undefined): string | undefined {
  const uid = status?.instance?.image.uid
  return image && (uid === undefined || uid === image.metadata.uid) ? imageIdOf(image) : uid
}

function hostStatusOf(hypervisor: { spec: { disabled?: boolean }; status?: { state?: string } } | undefined): string {
  if (hypervisor === undefined) return ''
  if (hypervisor.status?.state !== 'up') return 'DOWN'
  return hypervisor.spec.disabled === true ? 'MAINTENANCE' : 'UP'
}
