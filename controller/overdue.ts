/**
 * The transient states of a server, and how long each may last. A metric counts servers that exceed it, for an operator
 * to look at. Pure.
 */
import { findCondition, type Server, type ServerStatus } from '../crds/index.ts'

/**
 * Seconds that a server may stay in each transient state. They include waits that users cause, such as for an image to
 * download.
 */
export const transientStateLimits = {
  /** No host: until a host has room, or until an object that the server names exists. */
  unplaced: 300,
  /** On a host, until the first boot. */
  building: 1800,
  /** An action request was admitted, until its action record is finished. */
  action: 600,
  /** A change of the spec is being applied. */
  changing: 600,
  /** The host is down. */
  unreachable: 300,
  /** Terminating. */
  deleting: 300,
} as const
export type TransientState = keyof typeof transientStateLimits

interface StateSince {
  state: TransientState
  /** RFC 3339. */
  since: string
}

/** The transient state that a server is in, and since when; undefined if the server is at rest. */
export function transientStateOf({ metadata, status = {} }: Server): StateSince | undefined {
  const { deletionTimestamp, creationTimestamp = '' } = metadata
  if (deletionTimestamp !== undefined) return { state: 'deleting', since: deletionTimestamp }
  const unreachable = conditionSince(status, 'HostReachable', 'False')
  if (unreachable !== undefined) return { state: 'unreachable', since: unreachable }
  if (status.vmState === 'error') return undefined
  if (status.host === undefined) return { state: 'unplaced', since: creationTimestamp }
  return transientStateOnHost(status, creationTimestamp)
}

function transientStateOnHost(status: ServerStatus, created: string): StateSince | undefined {
  const { activeAction: action, lastCompletedAction, launchedAt } = status
  if (action && action.uid !== lastCompletedAction) return { state: 'action', since: action.admittedAt }
  if (launchedAt === undefined) return { state: 'building', since: created }
  const changing = conditionSince(status, 'Reconciling', 'True')
  return changing === undefined ? undefined : { state: 'changing', since: changing }
}

/** Since when a condition has this status; undefined if it has another. */
function conditionSince({ conditions }: ServerStatus, type: string, wanted: 'True' | 'False'): string | undefined {
  const found = findCondition(conditions, type)
  return found?.status === wanted ? found.lastTransitionTime : undefined
}

/** The transient state that has lasted too long at `now` (ms since the epoch); undefined if none has. */
export function overdueStateOf(server: Server, now: number): TransientState | undefined {
  const found = transientStateOf(server)
  return found && now - Date.parse(found.since) > transientStateLimits[found.state] * 1000 ? found.state : undefined
}
