/** There are no migrations yet. */
import { newBadRequest, newNotFound } from '../../http/fault.ts'
import { parseIsoTime } from '../../http/time.ts'
import { noParameters } from '../../validation/parameters.ts'
import type { Query } from '../../validation/request.ts'
import {
  nonNegativeInteger,
  nothing,
  objectSchema,
  querySchema,
  repeatedParameter,
  singleParameter,
  stringSchema,
} from '../../validation/schema.ts'
import { defineRoute, type Route } from '../route.ts'
import { findServer } from '../servers/find.ts'

const filter = repeatedParameter(stringSchema())
const filters = {
  hidden: filter,
  host: filter,
  instance_uuid: filter,
  source_compute: filter,
  status: filter,
  migration_type: filter,
}
const time = singleParameter(stringSchema({ format: 'date-time' }))
const paged = {
  ...filters,
  limit: singleParameter(nonNegativeInteger),
  marker: singleParameter(stringSchema()),
  'changes-since': time,
}
const bounded = { ...paged, 'changes-before': time }
const owned = { ...bounded, user_id: singleParameter(stringSchema()), project_id: singleParameter(stringSchema()) }
const strict = { additionalProperties: false }

const ruleOf = (operation: string): string => `os_compute_api:os-migrations:${operation}`

const list = defineRoute<null>({
  name: 'migrations:list',
  method: 'GET',
  path: '/os-migrations',
  success: 200,
  policy: { rule: ruleOf('index'), role: 'manager' },
  query: {
    '2.1': querySchema(filters),
    '2.59': querySchema(paged, strict),
    '2.66': querySchema(bounded, strict),
    '2.80': querySchema(owned, strict),
  },
  async handle({ query: parameters, caller, authorize }) {
    const project = parameters['project_id']?.at(-1)
    if (!project || project !== caller.project?.id) authorize({ rule: ruleOf('index:all_projects'), role: 'admin' })
    checkPeriod(parameters)
    const marker = parameters['marker']?.at(-1)
    if (marker !== undefined) throw newBadRequest(`Marker ${marker} could not be found.`)
    return { body: { migrations: [] } }
  },
})

function checkPeriod(parameters: Query): void {
  const since = parseIsoTime(parameters['changes-since']?.at(-1) ?? '')
  const before = parseIsoTime(parameters['changes-before']?.at(-1) ?? '')
  if (since && before && before < since)
    throw newBadRequest('The value of changes-since must be less than or equal to changes-before.')
}

const path = '/servers/{server_id}/migrations'
const itemPath = `${path}/{migration_id}`
const serverPolicy = (operation: string, role: 'admin' | 'manager') =>
  ({ rule: `os_compute_api:servers:migrations:${operation}`, role, inHandler: true }) as const

const listOfServer = defineRoute<null>({
  name: 'server-migrations:list',
  method: 'GET',
  path,
  since: '2.23',
  success: 200,
  policy: serverPolicy('index', 'manager'),
  query: noParameters,
  async handle(request) {
    await findServer(request)
    request.authorize()
    return { body: { migrations: [] } }
  },
})

const show = defineRoute<null>({
  name: 'server-migrations:show',
  method: 'GET',
  path: itemPath,
  since: '2.23',
  success: 200,
  policy: serverPolicy('show', 'admin'),
  query: noParameters,
  async handle(request) {
    const { server_id: server, migration_id: id } = request.params
    await findServer(request)
    request.authorize()
    throw newNotFound(`In-progress live migration ${id} is not found for server ${server}.`)
  },
})

const abort = defineRoute<null>({
  name: 'server-migrations:delete',
  method: 'DELETE',
  path: itemPath,
  since: '2.24',
  success: 202,
  policy: serverPolicy('delete', 'manager'),
  async handle(request) {
    const { server_id: server, migration_id: id } = request.params
    await findServer(request)
    request.authorize()
    throw newNotFound(`Migration ${id} not found for instance ${server}`)
  },
})

const forceComplete = defineRoute<{ force_complete: null }>({
  name: 'server-migrations:force_complete',
  method: 'POST',
  path: `${itemPath}/action`,
  action: 'force_complete',
  since: '2.22',
  success: 202,
  policy: serverPolicy('force_complete', 'manager'),
  body: { '2.22': objectSchema({ force_complete: nothing }, { required: ['force_complete'] }) },
  async handle(request) {
    const { server_id: server, migration_id: id } = request.params
    await findServer(request)
    request.authorize()
    throw newBadRequest(`Migration ${id} not found for instance ${server}`)
  },
})

export const migrationRoutes: readonly Route[] = [list, listOfServer, show, abort, forceComplete]
