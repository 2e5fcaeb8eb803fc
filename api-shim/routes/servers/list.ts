/** GET /servers and GET /servers/detail. */
import type { Server } from '../../../crds/index.ts'
import { newForbidden } from '../../http/fault.ts'
import { cutPage, nextLink, type PageOf, pageRequestOf, type SortKey, sortItems, sortKeysOf } from '../../http/pages.ts'
import { isAdmin } from '../../identity/caller.ts'
import { deletedServerOf, findDeletion, listDeletedServers } from '../../state/deleted-servers.ts'
import { factsOf } from '../../state/server-facts.ts'
import { servers, serversByUuid, uuidOf } from '../../state/stores.ts'
import { readBoolean } from '../../validation/boolean.ts'
import { serverJsonRenderer } from '../../views/server-json.ts'
import { powerStateOf, taskStateOf, vmStateOf } from '../../views/server-status.ts'
import {
  hostnameOf,
  renderServerSummary,
  type ServerViewContext,
  serverNameOf,
  updatedAt,
} from '../../views/servers.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { readsDeleted, serverFilterOf } from './filters.ts'
import { serverViewContext } from './find.ts'
import { serversQuery } from './list-schema.ts'

type Request = RouteRequest<null>
type SortValues = Readonly<Record<string, (server: Server) => string | number | boolean | undefined>>

const sortValuesOf = ({ imageIdOf, projectIdOf }: ServerViewContext): SortValues => ({
  access_ip_v4: (server) => factsOf(server).accessIPv4,
  access_ip_v6: (server) => factsOf(server).accessIPv6,
  auto_disk_config: (server) => factsOf(server).diskConfig === 'AUTO',
  availability_zone: ({ status }) => status?.instance?.availabilityZone,
  config_drive: ({ spec }) => spec.configDrive,
  created_at: ({ metadata }) => metadata.creationTimestamp,
  display_description: ({ spec }) => spec.description,
  display_name: serverNameOf,
  host: ({ status }) => status?.host,
  hostname: hostnameOf,
  image_ref: imageIdOf,
  instance_type_id: ({ spec }) => spec.flavor,
  key_name: ({ spec }) => spec.keyName,
  launch_index: (server) => Number(factsOf(server).launchIndex ?? 0),
  launched_at: ({ status }) => status?.launchedAt,
  locked: ({ spec }) => spec.locked,
  locked_by: (server) => factsOf(server).lockedBy,
  node: ({ status }) => status?.host,
  power_state: powerStateOf,
  project_id: projectIdOf,
  task_state: (server) => taskStateOf(server),
  updated_at: updatedAt,
  user_id: (server) => factsOf(server).userId,
  uuid: uuidOf,
  vm_state: vmStateOf,
})

/** Before 2.73 the key `locked` is accepted and ignored. */
function sortKeysFor({ query, caller, version }: Request, view: ServerViewContext): SortKey<Server>[] {
  for (const name of ['host', 'node'])
    if (query['sort_key']?.includes(name) && !isAdmin(caller))
      throw newForbidden(`Only administrators can sort servers by ${name}`)
  const { locked, ...values } = sortValuesOf(view)
  const keys = sortKeysOf(query, version >= 73 && locked ? { ...values, locked } : values)
  const newestFirst = { valueOf: ({ metadata }: Server) => metadata.creationTimestamp, descending: true }
  // As in Nova, the UUID orders servers whose other values are equal.
  return [...(keys.length > 0 ? keys : [newestFirst]), { valueOf: uuidOf, descending: false }]
}

async function pageOf(request: Request, view: ServerViewContext, form: 'index' | 'detail'): Promise<PageOf<Server>> {
  const filter = serverFilterOf(request, view)
  const allTenants = readsAllTenants(request)
  if (allTenants) request.authorize({ rule: `os_compute_api:servers:${form}:get_all_tenants`, role: 'admin' })
  const keys = sortKeysFor(request, view)
  const found = filter ? (await readServers(request, allTenants)).filter(filter) : []
  const wanted = pageRequestOf(request.query)
  return cutPage(sortItems(await withMarker(found, wanted.marker, request), keys), wanted, uuidOf)
}

async function readServers(request: Request, allTenants: boolean): Promise<Server[]> {
  const { present, deleted } = readsDeleted(request)
  const reader = await request.state.read(servers)
  return [
    ...(present ? (allTenants ? reader.listAllProjects() : reader.list()) : []),
    ...(deleted ? await listDeletedServers(request.state, allTenants ? undefined : request.state.namespace) : []),
  ]
}

/**
 * As in Nova, the marker may be a server outside of the list, even of another project, or one that was deleted a while
 * ago. The page then begins where the marker would stand.
 */
async function withMarker(found: Server[], marker: string | undefined, { state }: Request): Promise<Server[]> {
  if (marker === undefined || found.some((server) => uuidOf(server) === marker)) return found
  const [present] = state.shared.unchecked.servers.cache.byIndex(serversByUuid, marker)
  if (present) return [...found, present]
  const deletion = await findDeletion(marker, state)
  return deletion ? [...found, deletedServerOf(deletion)] : found
}

/** The parameter without a value means true. */
function readsAllTenants({ query }: Request): boolean {
  const value = query['all_tenants']?.at(-1)
  return value !== undefined && (value === '' || readBoolean(value))
}

export const serversList = defineRoute<null>({
  name: 'servers:list',
  method: 'GET',
  path: '/servers',
  success: 200,
  policy: { rule: 'os_compute_api:servers:index', role: 'reader' },
  query: serversQuery,
  async handle(request) {
    const { links, query } = request
    const page = await pageOf(request, serverViewContext(request, 'list'), 'index')
    return {
      body: {
        servers: page.items.map((server) => renderServerSummary(server, links)),
        ...nextLink('servers', page, links.self('servers'), query),
      },
    }
  },
})

export const serversDetail = defineRoute<null>({
  name: 'servers:detail',
  method: 'GET',
  path: '/servers/detail',
  success: 200,
  policy: { rule: 'os_compute_api:servers:detail', role: 'reader' },
  query: serversQuery,
  async handle(request) {
    const { links, query } = request
    const view = serverViewContext(request, 'list')
    const page = await pageOf(request, view, 'detail')
    const servers = page.items.map(serverJsonRenderer(view)).join()
    const next = JSON.stringify(nextLink('servers', page, links.self('servers', 'detail'), query)).slice(1, -1)
    return { json: `{"servers":[${servers}]${next && ','}${next}}` }
  },
})
