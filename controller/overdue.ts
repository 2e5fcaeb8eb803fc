/** Every state of a server that passes has a time it may last: pure. What lasts longer is counted by a metric, for somebody to look at. */
import { condition, type Server, type ServerStatus } from '../crds/index.ts'

/** Seconds that a server may be in each of the states that pass; they include the waits that users cause (an image that has to come first). */
export const limits = {
  /** Without a host: until one has room, or what it names is there. */
  unplaced: 300,
  /** On a host, until its first boot. */
  building: 1800,
  /** A deed that was admitted, until its record ends. */
  action: 600,
  /** A change of its spec. */
  changing: 600,
  /** Its host is down. */
  unreachable: 300,
  /** Deleted, and still there. */
  deleting: 300,
} as const
export type Passing = keyof typeof limits

/** The passing state a server is in, and since when (RFC 3339); undefined: it is at rest. */
export function passing({ metadata, status = {} }: Server): { state: Passing; since: string } | undefined {
  const { deletionTimestamp, creationTimestamp = '' } = metadata
  if (deletionTimestamp !== undefined) return { state: 'deleting', since: deletionTimestamp }
  const unreachable = since(status, 'HostReachable', 'False')
  if (unreachable !== undefined) return { state: 'unreachable', since: unreachable }
  if (status.vmState === 'error') return undefined
  if (status.host === undefined) return { state: 'unplaced', since: creationTimestamp }
  return underWay(status, creationTimestamp)
}

/** Of one that has a host. */
function underWay(status: ServerStatus, created: string): { state: Passing; since: string } | undefined {
  const { activeAction: action, lastCompletedAction, launchedAt } = status
  if (action && action.uid !== lastCompletedAction) return { state: 'action', since: action.admittedAt }
  if (launchedAt === undefined) return { state: 'building', since: created }
  const changing = since(status, 'Reconciling', 'True')
  return changing === undefined ? undefined : { state: 'changing', since: changing }
}

/** Since when a condition is so; undefined: it is not. */
function since({ conditions }: ServerStatus, type: string, is: 'True' | 'False'): string | undefined {
  const found = condition(conditions, type)
  return found?.status === is ? found.lastTransitionTime : undefined
}

/** The state that has lasted longer than it may at `now` (ms since the epoch). */
export function overdue(server: Server, now: number): Passing | undefined {
  const found = passing(server)
  return found && now - Date.parse(found.since) > limits[found.state] * 1000 ? found.state : undefined
}
