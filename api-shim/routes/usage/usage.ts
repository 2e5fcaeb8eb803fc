import type { Server } from '../../../crds/index.ts'
import { newBadRequest } from '../../http/fault.ts'
import type { ByVersion } from '../../http/microversion.ts'
import { nextLink, type PageOf, pageRequestOf, sortItems } from '../../http/pages.ts'
import { listDeletedServers } from '../../state/deleted-servers.ts'
import { displayNameOf } from '../../state/names.ts'
import type { CallerState, State } from '../../state/state.ts'
import { servers, uuidOf } from '../../state/stores.ts'
import { serversOf, sizesOf } from '../../state/usage.ts'
import { reportProjects, reportServers, type ServerUsage } from '../../state/usage-report.ts'
import { pagination, querySchema, repeatedParameter, type Schema, stringSchema } from '../../validation/schema.ts'
import { renderProjectUsage, type UsageViewContext } from '../../views/usage.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { type RequestedPeriod, readPeriod } from './period.ts'

type Request = RouteRequest<null>

const ruleOf = (operation: string): string => `os_compute_api:os-simple-tenant-usage:${operation}`

const times = { start: repeatedParameter(stringSchema()), end: repeatedParameter(stringSchema()) }
const schemasWith = (parameters: Readonly<Record<string, Schema>>): ByVersion<Schema> => ({
  '2.1': querySchema(parameters),
  '2.40': querySchema({ ...parameters, ...pagination }),
  '2.75': querySchema({ ...parameters, ...pagination }, { additionalProperties: false }),
})

interface Report {
  period: RequestedPeriod
  page: PageOf<ServerUsage>
}

/** Since 2.40, a report has pages. */
function reportPage(all: readonly Server[], request: Request): Report {
  const { state, services } = request
  const now = services.clock.wall()
  const period = readPeriod(request.query, now)
  const usages = sortUsages(
    reportServers(all, period, now, (server) => sizesOf(server, state.shared)),
    state.shared,
  )
  return { period, page: request.version < 40 ? { items: usages } : cutUsages(usages, request) }
}

/** As in Nova, by the ID of the project, and then by the UUID of the server. */
const sortUsages = (usages: readonly ServerUsage[], state: State): ServerUsage[] =>
  sortItems(usages, [
    { valueOf: ({ project }) => state.projectOf(project).id, descending: false },
    { valueOf: ({ server }) => uuidOf(server), descending: false },
  ])

function cutUsages(usages: ServerUsage[], request: Request): PageOf<ServerUsage> {
  const { limit, marker } = pageRequestOf(request.query)
  const start = marker === undefined ? 0 : usages.findIndex(({ server }) => uuidOf(server) === marker) + 1
  if (marker !== undefined && start === 0) throw newBadRequest(`Marker ${marker} could not be found.`)
  const items = usages.slice(start, start + limit)
  const last = items.at(-1)
  return { items, ...(last !== undefined && items.length === limit ? { next: uuidOf(last.server) } : {}) }
}

function contextOf({ state }: Request, period: RequestedPeriod, isDetailed: boolean): UsageViewContext {
  const { shared } = state
  return {
    period,
    isDetailed,
    projectIdOf: (namespace) => shared.projectOf(namespace).id,
    flavorNameOf({ server: { spec } }) {
      const flavor = shared.unchecked.flavors.cache.get(spec.flavor)
      return flavor ? displayNameOf(flavor) : spec.flavor
    },
  }
}

const allServersOf = async (project: string, state: CallerState): Promise<Server[]> => [
  ...(await serversOf(project, state)),
  ...(await listDeletedServers(state, project)),
]

export const usageList = defineRoute<null>({
  name: 'simple-tenant-usage:list',
  method: 'GET',
  path: '/os-simple-tenant-usage',
  success: 200,
  policy: { rule: ruleOf('list'), role: 'admin' },
  query: schemasWith({ ...times, detailed: repeatedParameter(stringSchema()) }),
  async handle(request) {
    const { links, query: parameters } = request
    const existing = (await request.state.read(servers)).listAllProjects()
    const { period, page } = reportPage([...existing, ...(await listDeletedServers(request.state, undefined))], request)
    const context = contextOf(request, period, parameters['detailed']?.[0] === '1')
    const usages = reportProjects(page.items).map((usage) => renderProjectUsage(usage, context))
    return {
      body: {
        tenant_usages: usages,
        ...nextLink('tenant_usages', page, links.self('os-simple-tenant-usage'), parameters),
      },
    }
  },
})

/** As in Nova, the link to the next page repeats the caller's project if the path of the request contains it. */
function addressOf(id: string, { links, caller }: Request): string {
  const address = links.self('os-simple-tenant-usage', id)
  if (id !== caller.project?.id || address.includes(`/${id}/`)) return address
  return address.replace('/os-simple-tenant-usage/', `/${id}/os-simple-tenant-usage/`)
}

export const usageShow = defineRoute<null>({
  name: 'simple-tenant-usage:show',
  method: 'GET',
  path: '/os-simple-tenant-usage/{id}',
  success: 200,
  policy: { rule: ruleOf('show'), role: 'reader', inHandler: true },
  query: schemasWith(times),
  async handle(request) {
    const { params, caller, state, query: parameters } = request
    const { id = '' } = params
    request.authorize({ rule: ruleOf('show'), role: id === caller.project?.id ? 'reader' : 'admin' })
    const project = state.shared.findProject(id)
    const { period, page } = reportPage(project ? await allServersOf(project.namespace, state) : [], request)
    const [usage] = reportProjects(page.items).map((one) => renderProjectUsage(one, contextOf(request, period, true)))
    const link = nextLink('tenant_usage', page, addressOf(id, request), parameters)
    return { body: { tenant_usage: usage ?? {}, ...link } }
  },
})
