import type { Server, ServerAction } from '../../../crds/index.ts'
import { keyOf } from '../../../kube/types.ts'
import { newBadRequest, newNotFound } from '../../http/fault.ts'
import { cutPage, nextLink, type PageOf, pageRequestOf } from '../../http/pages.ts'
import { parseIsoTime } from '../../http/time.ts'
import { deletedServerOf, findDeletion, recordsOfDeleted, withDeletionEvent } from '../../state/deleted-servers.ts'
import { apiRecordsOf, withRequests } from '../../state/recent-requests.ts'
import { actions, actionsByServer } from '../../state/stores.ts'
import { nonNegativeInteger, querySchema, singleParameter, stringSchema } from '../../validation/schema.ts'
import { changedAt, renderAction, renderEvents, requestIdOf, startOf } from '../../views/instance-actions.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { findServer } from '../servers/find.ts'

type Request = RouteRequest<null>

const time = singleParameter(stringSchema({ format: 'date-time' }))
const paged = {
  limit: singleParameter(nonNegativeInteger),
  marker: singleParameter(stringSchema()),
  'changes-since': time,
}
const schemas = {
  '2.1': querySchema({}),
  '2.58': querySchema(paged, { additionalProperties: false }),
  '2.66': querySchema({ ...paged, 'changes-before': time }, { additionalProperties: false }),
} as const

/** The microversion since which the actions of deleted servers are shown. */
const DELETED_SINCE = 21

/** The server of the path with its action records. The server may be one that was deleted a while ago. */
async function findRecorded(request: Request): Promise<{ server: Server; records: readonly ServerAction[] }> {
  const { state, params, version } = request
  const deletion = version >= DELETED_SINCE ? await findDeletion(params['server_id'] ?? '', state) : undefined
  if (deletion) return { server: deletedServerOf(deletion), records: recordsOfDeleted(deletion) }
  const server = await findServer(request)
  const found = (await state.read(actions)).find(actionsByServer, keyOf(server.metadata))
  return { server, records: found.filter((record) => !isOfFormerServer(record, server)) }
}

const isOfFormerServer = ({ status }: ServerAction, { metadata }: Server): boolean =>
  status?.deletedServer !== undefined && status.deletedServer.uid !== metadata.uid

async function recordsOf(
  request: Request,
): Promise<{ records: ServerAction[]; instanceId: string; projectId: string }> {
  const { server, records: found } = await findRecorded(request)
  request.authorize()
  // Nova does not record refused requests.
  const recorded = found.filter(({ status }) => status?.phase !== 'Rejected').map(withDeletionEvent)
  const oldestFirst = [...recorded, ...apiRecordsOf(server)].toSorted(
    (a, b) => startOf(a).localeCompare(startOf(b)) || a.metadata.name.localeCompare(b.metadata.name),
  )
  const records = withRequests(oldestFirst, server).toReversed()
  const { id } = request.state.shared.projectOf(server.metadata.namespace ?? '')
  return { records, instanceId: request.params['server_id'] ?? '', projectId: id }
}

function filterByTime(records: ServerAction[], { query }: Request): ServerAction[] {
  const since = parseIsoTime(query['changes-since']?.at(-1) ?? '')
  const before = parseIsoTime(query['changes-before']?.at(-1) ?? '')
  if (since && before && before < since)
    throw newBadRequest('The value of changes-since must be less than or equal to changes-before.')
  return records.filter((record) => {
    const changed = new Date(changedAt(record))
    return (!since || changed >= since) && (!before || changed <= before)
  })
}

function pageOf(records: readonly ServerAction[], { query }: Request): PageOf<ServerAction> {
  const wanted = pageRequestOf(query)
  // Nova's message does not name the marker.
  if (wanted.marker !== undefined && !records.some((record) => requestIdOf(record) === wanted.marker))
    throw newBadRequest('Marker None could not be found.')
  return cutPage(records, wanted, requestIdOf)
}

export const instanceActionsList = defineRoute<null>({
  name: 'instance-actions:list',
  method: 'GET',
  path: '/servers/{server_id}/os-instance-actions',
  success: 200,
  policy: { rule: 'os_compute_api:os-instance-actions:list', role: 'reader', inHandler: true },
  query: schemas,
  async handle(request) {
    const { version, links } = request
    const { records, instanceId, projectId } = await recordsOf(request)
    const render = (record: ServerAction): object => renderAction(record, { version, instanceId, projectId })
    if (version < 58) return { body: { instanceActions: records.map(render) } }
    const page = pageOf(filterByTime(records, request), request)
    const address = links.self('servers', instanceId, 'os-instance-actions')
    return {
      body: {
        instanceActions: page.items.map(render),
        ...withLinks(nextLink('instanceActions', page, address, request.query)),
      },
    }
  },
})

/** Here, the member with the next page is called `links`. */
const withLinks = (next: Record<string, unknown>): object =>
  'instanceActions_links' in next ? { links: next['instanceActions_links'] } : {}

const eventsPolicy = { rule: 'os_compute_api:os-instance-actions:events', role: 'admin' } as const

export const instanceActionsShow = defineRoute<null>({
  name: 'instance-actions:show',
  method: 'GET',
  path: '/servers/{server_id}/os-instance-actions/{request_id}',
  success: 200,
  policy: { rule: 'os_compute_api:os-instance-actions:show', role: 'reader', inHandler: true },
  query: { '2.1': querySchema({}), '2.102': querySchema({}, { additionalProperties: false }) },
  async handle(request) {
    const { version, params } = request
    const { records, instanceId, projectId } = await recordsOf(request)
    const record = records.find((candidate) => requestIdOf(candidate) === params['request_id'])
    if (!record) throw newNotFound(`Action ${params['request_id']} not found`)
    const isAdmin = request.can(eventsPolicy)
    // Since 2.51, users also see the events, but without host, details and traceback.
    const events =
      isAdmin || version >= 51
        ? {
            events: renderEvents(record, {
              version,
              projectId,
              showsTraceback: isAdmin,
              showsHost: isAdmin,
              showsDetails: isAdmin,
            }),
          }
        : {}
    return { body: { instanceAction: { ...renderAction(record, { version, instanceId, projectId }), ...events } } }
  },
})
