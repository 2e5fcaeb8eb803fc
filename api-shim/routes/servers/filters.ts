import type { Server } from '../../../crds/index.ts'
import { newBadRequest, newForbidden } from '../../http/fault.ts'
import { compileRegex } from '../../http/regex.ts'
import { parseIsoTime } from '../../http/time.ts'
import { isAdmin } from '../../identity/caller.ts'
import { terminatedAtOf } from '../../state/deleted-servers.ts'
import { creatorIdOf, factsOf } from '../../state/server-facts.ts'
import { uuidOf } from '../../state/stores.ts'
import { readBoolean } from '../../validation/boolean.ts'
import { powerStateOf, statesOfStatus, taskStateOf, vmStateOf } from '../../views/server-status.ts'
import { flavorIdFor, hostnameOf, type ServerViewContext, serverNameOf, updatedAt } from '../../views/servers.ts'
import type { RouteRequest } from '../route.ts'
import { internalFilters } from './list-schema.ts'

type Request = Pick<RouteRequest<never>, 'query' | 'caller' | 'version'>
export type ServerFilter = (server: Server) => boolean
type ValueOf = (server: Server, view: ServerViewContext) => string | undefined

/** Filters for callers who are not administrators, by the microversion that added them. */
const userFilters: readonly [since: number, names: readonly string[]][] = [
  [1, ['reservation_id', 'name', 'status', 'image', 'flavor', 'ip', 'changes-since', 'all_tenants']],
  [5, ['ip6']],
  [26, ['tags', 'tags-any', 'not-tags', 'not-tags-any']],
  [66, ['changes-before']],
  [73, ['locked']],
  [
    83,
    [
      'availability_zone',
      'config_drive',
      'key_name',
      'created_at',
      'launched_at',
      'terminated_at',
      'power_state',
      'task_state',
      'vm_state',
      'progress',
      'user_id',
    ],
  ],
]

/** Filters whose value must be equal. */
const exact: Readonly<Record<string, ValueOf>> = {
  uuid: uuidOf,
  project_id: (server, { projectIdOf }) => projectIdOf(server),
  tenant_id: (server, { projectIdOf }) => projectIdOf(server),
  user_id: creatorIdOf,
  image: (server, { imageIdOf }) => imageIdOf(server),
  image_ref: (server, { imageIdOf }) => imageIdOf(server),
  host: ({ status }) => status?.host,
  vm_state: vmStateOf,
  task_state: (server, { requestedTaskOf }) => taskStateOf(server, requestedTaskOf(server)),
  launch_index: (server) => factsOf(server).launchIndex ?? '0',
  flavor: flavorIdFor,
}

/** Filters that are regular expressions. */
const regular: Readonly<Record<string, ValueOf>> = {
  name: serverNameOf,
  display_name: serverNameOf,
  description: ({ spec }) => spec.description,
  display_description: ({ spec }) => spec.description,
  hostname: hostnameOf,
  key_name: ({ spec }) => spec.keyName,
  power_state: (server) => String(powerStateOf(server)),
  node: ({ status }) => status?.host,
  reservation_id: (server) => factsOf(server).reservationId,
  launched_at: ({ status }) => status?.launchedAt,
  created_at: ({ metadata }) => metadata.creationTimestamp,
  availability_zone: ({ status }) => status?.instance?.availabilityZone,
  config_drive: ({ spec }) => (spec.configDrive ? 'True' : ''),
  access_ip_v4: (server) => factsOf(server).accessIPv4,
  access_ip_v6: (server) => factsOf(server).accessIPv6,
  locked_by: (server) => factsOf(server).lockedBy,
  progress: () => '0',
  root_device_name: () => '/dev/vda',
  kernel_id: () => '',
  ramdisk_id: () => '',
  terminated_at: terminatedAtOf,
  auto_disk_config: (server) => (factsOf(server).diskConfig === 'AUTO' ? '1' : '0'),
}

/** A caller who is not an administrator has only some filters; the others are ignored. */
function allowedFilters({ query, caller, version }: Request): Map<string, string> {
  const allowed = new Set(userFilters.flatMap(([since, names]) => (version >= since ? names : [])))
  const entries = Object.entries(query).flatMap(([name, values]) => {
    const value = values.at(-1)
    return value !== undefined && (isAdmin(caller) || allowed.has(name)) ? [[name, value] as const] : []
  })
  return new Map(entries)
}

/** Whether the query asks for servers that exist, and for servers that were deleted a while ago. */
export function readsDeleted(request: Request): { present: boolean; deleted: boolean } {
  const filters = allowedFilters(request)
  const wanted = filters.get('deleted')
  if (wanted !== undefined) return { present: !readBoolean(wanted), deleted: readBoolean(wanted) }
  if (isDeletedStatus(request)) return { present: false, deleted: true }
  return { present: true, deleted: filters.has('changes-since') || filters.has('changes-before') }
}

const isDeletedStatus = ({ query }: Request): boolean => {
  const values = query['status'] ?? []
  return values.length > 0 && values.every((value) => statesOfStatus(value)?.vmStates.has('deleted') ?? false)
}

/** The servers that the query asks for; undefined if no server can match, such as for an unknown status. */
export function serverFilterOf(request: Request, view: ServerViewContext): ServerFilter | undefined {
  const filters = allowedFilters(request)
  for (const name of filters.keys())
    if (name.startsWith('_') || internalFilters.includes(name)) throw newBadRequest(`Invalid filter field: ${name}.`)
  const byStatus = statusFilter(request)
  if (byStatus === undefined) return undefined
  const tests = [...filters].map(([name, value]) => testOf(name, value, view)).filter((test) => test !== undefined)
  const all: ServerFilter[] = [byStatus, ...changeFilters(filters), ...tests]
  return (server) => all.every((test) => test(server))
}

function testOf(name: string, value: string, view: ServerViewContext): ServerFilter | undefined {
  const equal = exact[name]
  if (equal) return (server) => equal(server, view) === value
  const matched = regular[name]
  if (matched) return regexTest(value, (server) => matched(server, view))
  if (name === 'ip') return addressTest(value, 4)
  if (name === 'ip6') return addressTest(value, 6)
  if (name === 'locked') {
    const wanted = readBoolean(value)
    return ({ spec }) => spec.locked === wanted
  }
  return tagTest(name, value)
}

function regexTest(pattern: string, valueOf: (server: Server) => string | undefined): ServerFilter {
  const matcher = compileRegex(pattern)
  return (server) => {
    const value = valueOf(server)
    return value !== undefined && (matcher?.test(value) ?? false)
  }
}

function addressTest(pattern: string, wanted: 4 | 6): ServerFilter {
  const matcher = compileRegex(pattern)
  return ({ status }) =>
    (status?.addresses ?? []).some(({ address, version }) => version === wanted && (matcher?.test(address) ?? false))
}

function tagTest(name: string, value: string): ServerFilter | undefined {
  const wanted = value.split(',')
  const has = (server: Server, tag: string): boolean => (server.spec.tags ?? []).includes(tag)
  switch (name) {
    case 'tags':
      return (server) => wanted.every((tag) => has(server, tag))
    case 'tags-any':
      return (server) => wanted.some((tag) => has(server, tag))
    case 'not-tags':
      return (server) => !wanted.every((tag) => has(server, tag))
    case 'not-tags-any':
      return (server) => !wanted.some((tag) => has(server, tag))
    default:
      return undefined
  }
}

/** Undefined if no value of `status` is one that a server can have. */
function statusFilter({ query, version, caller }: Request): ServerFilter | undefined {
  const values = query['status'] ?? []
  if (values.length === 0) return () => true
  const states = values.map(statesOfStatus).filter((found) => found !== undefined)
  if (states.length === 0) {
    if (version >= 38) throw newBadRequest('Invalid status value')
    return undefined
  }
  const vmStates = states.reduce((all, found) => all.union(found.vmStates), new Set<string>())
  const taskStates = states.reduce((all, found) => all.union(found.taskStates), new Set<string>())
  if (vmStates.size === 1 && vmStates.has('deleted') && !isAdmin(caller))
    throw newForbidden('Only administrators may list deleted instances')
  return (server) =>
    vmStates.has(vmStateOf(server)) && (taskStates.has('default') || taskStates.has(taskStateOf(server) ?? ''))
}

function changeFilters(filters: ReadonlyMap<string, string>): ServerFilter[] {
  const since = parseIsoTime(filters.get('changes-since') ?? '')
  const before = parseIsoTime(filters.get('changes-before') ?? '')
  if (since && before && before < since)
    throw newBadRequest('The value of changes-since must be less than or equal to changes-before.')
  const changedAt = (server: Server): Date => new Date(updatedAt(server))
  return [
    ...(since ? [(server: Server) => changedAt(server) >= since] : []),
    ...(before ? [(server: Server) => changedAt(server) <= before] : []),
  ]
}
