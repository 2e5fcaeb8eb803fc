/**
 * The actions that a server has had before the first request. A text such as `{server:1}: create, stop, failed pause`
 * tells them.
 */
import { actions as registry } from '../../actions/index.ts'
import { actions, servers } from '../../api-shim/state/stores.ts'
import type { Server } from '../../crds/index.ts'
import type { Placeholders } from './placeholders.ts'
import type { RecordedFacts } from './recorded-facts.ts'
import type { Stand } from './stand.ts'

interface PastAction {
  action: string
  hasFailed: boolean
}

/** A `failed pause` of the text, or in the text `no valid host`, a failed `create`. */
function parseAction(text: string): PastAction {
  if (text === 'no valid host') return { action: 'create', hasFailed: true }
  return { action: text.replace('failed ', ''), hasFailed: text.startsWith('failed ') }
}

/** By the placeholder's name. `{server:3} deleted` has had a `create`. */
export function pastActionsIn(setup: string): Map<string, PastAction[]> {
  if (!/\}: create,/.test(setup)) return new Map()
  const parts = setup.split('; ').flatMap((part) => {
    const [, server = '', listed, deleted] = /^\{(server:\d+)\}(?:: (.*)|( deleted))$/.exec(part) ?? []
    if (server === '') return []
    return [[server, deleted ? [parseAction('create')] : (listed ?? '').split(', ').map(parseAction)] as const]
  })
  return new Map(parts)
}

/** The placeholder of the request that asked for the action. */
export const requestPlaceholder = (server: string, { action, hasFailed }: PastAction): string =>
  `request:${server}:${hasFailed ? 'failed-' : ''}${action}`

const API_ACTIONS: readonly string[] = ['lock', 'unlock']
const RECENT_REQUESTS = 'compute.kubenova.io/recent-requests'

interface Seeding {
  name: string
  server: Server
  host: string
  facts: RecordedFacts
  names: Placeholders
  stand: Stand
}

/** Creates the action records. The shim itself records a lock, so that is an annotation of the server. */
export async function seedPastActions(past: readonly PastAction[], seeding: Seeding): Promise<void> {
  const { name, server, names, stand } = seeding
  const requests: object[] = []
  for (const [index, action] of past.entries()) {
    const requestId = `req-00000000-0000-4000-8000-${name.replace(/\D/g, '').padStart(4, '0')}${String(index).padStart(8, '0')}`
    names.bind(requestPlaceholder(name, action), requestId)
    const requester = requesterOf(action, seeding)
    const time = `2026-01-02T03:${String(index + 10)}:05Z`
    if (API_ACTIONS.includes(action.action))
      requests.push({ action: action.action, requestId, ...requester, host: 'vm', time })
    else if (action.action in registry) await seedRecord(action, { requestId, ...requester, time, index }, seeding)
  }
  const deletion = { action: 'delete', requestId: `req-00000000-0000-4000-8000-${'9'.repeat(12)}` }
  requests.push({
    ...deletion,
    ...requesterOf({ action: 'delete', hasFailed: false }, seeding),
    time: '2026-01-02T03:59:05Z',
  })
  const annotations = { [RECENT_REQUESTS]: JSON.stringify(requests) }
  await stand.shim.waitForCache(
    servers.kind,
    await stand.shim.api.resource(servers.kind).patch(server.metadata, { metadata: { annotations } }),
  )
}

function requesterOf({ action, hasFailed }: PastAction, { name, facts, names }: Seeding) {
  const recorded = facts.actionOf(name, action, hasFailed)
  const valueOf = (placeholder: unknown, otherwise: string): string =>
    names.fill(typeof placeholder === 'string' ? placeholder : otherwise)
  return { user: valueOf(recorded.user, '{user:member}'), project: valueOf(recorded.project, '{project:mine}') }
}

interface PastRequest {
  requestId: string
  user: string
  project: string
  time: string
  index: number
}

async function seedRecord(
  { action, hasFailed }: PastAction,
  { requestId, user, project, time, index }: PastRequest,
  { name, server, host, facts, names, stand }: Seeding,
): Promise<void> {
  const { traceback, host: recordedHost } = facts.actionOf(name, action, hasFailed)
  const event = {
    event: registry[action as keyof typeof registry].event,
    host: typeof recordedHost === 'string' ? names.fill(recordedHost) : host,
    startTime: time,
    finishTime: time,
    result: hasFailed ? 'Error' : 'Success',
    ...(typeof traceback === 'string' ? { traceback } : {}),
  }
  await stand.shim.seed(actions.kind, {
    metadata: { name: `${server.metadata.name}-${index}`, namespace: server.metadata.namespace },
    spec: { server: server.metadata.name, action, requestId, user, project },
    status: {
      phase: hasFailed ? 'Failed' : 'Succeeded',
      startTime: time,
      finishTime: time,
      events: [event],
      ...(hasFailed ? { message: 'asked to fail' } : {}),
    },
  })
}
