/**
 * The last API requests that changed a server, in an annotation of the Server. The agent's action records lack user and
 * request ID, which come from here. A lock is recorded only here.
 */
import { hostname } from 'node:os'
import type { Server, ServerAction } from '../../crds/index.ts'
import type { Caller } from '../identity/caller.ts'

const ANNOTATION = 'compute.kubenova.io/recent-requests'
/** The number of requests that are kept. */
const MAX_REQUESTS = 10

export interface RecentRequest {
  action: string
  requestId: string
  /** The ID of the user. */
  user: string
  project?: string | undefined
  /** The host name of the shim that took the request, which is the pod's name. */
  host?: string | undefined
  /** RFC 3339. */
  time: string
}

export function recentRequestsOf({ metadata }: Pick<Server, 'metadata'>): readonly RecentRequest[] {
  try {
    const parsed: unknown = JSON.parse(metadata.annotations?.[ANNOTATION] ?? '[]')
    return Array.isArray(parsed) ? parsed.filter(isRecentRequest) : []
  } catch {
    // A user has edited the annotation.
    return []
  }
}

const isRecentRequest = (value: unknown): value is RecentRequest =>
  typeof value === 'object' &&
  value !== null &&
  ['action', 'requestId', 'user', 'time'].every((key) => typeof Reflect.get(value, key) === 'string') &&
  !Number.isNaN(Date.parse(String(Reflect.get(value, 'time'))))

/**
 * The annotation with this request added.
 * @param server absent for a new one
 */
export function annotationWith(
  server: Pick<Server, 'metadata'> | undefined,
  action: string,
  { requestId, caller, services }: { requestId: string; caller: Caller; services: { clock: { wall(): Date } } },
): Record<string, string> {
  const request: RecentRequest = {
    action,
    requestId,
    user: caller.user.id,
    project: caller.project?.id,
    host: hostname(),
    time: services.clock.wall().toISOString(),
  }
  const before = server ? recentRequestsOf(server) : []
  return { [ANNOTATION]: JSON.stringify([...before, request].slice(-MAX_REQUESTS)) }
}

/** The clocks of the shim and of a host may differ by this much. */
const CLOCK_SKEW_MS = 1_000

/**
 * Finds for each record the last request for the same action that came before the action began. Adds the request's
 * user, project and ID to the record. Each request is used once, so the record of a later change with kubectl gets
 * none.
 * @param records oldest first
 */
export function withRequests(records: readonly ServerAction[], server: Server): ServerAction[] {
  const unused = [...recentRequestsOf(server)]
  return records.map((record) => {
    if (record.spec.requestId !== undefined) return record
    const start = Date.parse(record.status?.startTime ?? record.metadata.creationTimestamp ?? '') + CLOCK_SKEW_MS
    const at = unused.findLastIndex(({ action, time }) => action === record.spec.action && Date.parse(time) <= start)
    const [request] = at < 0 ? [] : unused.splice(at, 1)
    if (!request) return record
    const { requestId, user, project } = request
    return { ...record, spec: { ...record.spec, requestId, user, project } as ServerAction['spec'] }
  })
}

const apiActions: Readonly<Record<string, string>> = { lock: 'api_lock', unlock: 'api_unlock' }

/** The records of the actions that only the API performs: lock and unlock. */
export const apiRecordsOf = (server: Server): ServerAction[] =>
  recentRequestsOf(server).flatMap(({ action, requestId, user, project, host, time }) => {
    const event = apiActions[action]
    if (event === undefined) return []
    const times = { startTime: time, finishTime: time }
    return [
      {
        metadata: { name: requestId, namespace: server.metadata.namespace },
        spec: { server: server.metadata.name, action, requestId, user, project },
        status: { phase: 'Succeeded', ...times, events: [{ event, host, ...times, result: 'Success' }] },
      } as unknown as ServerAction,
    ]
  })
