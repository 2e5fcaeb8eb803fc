/** A metric counts the servers that stay in a transient state for too long, so that an operator looks at them. */
import { findCondition, type Server, type ServerStatus } from '../crds/index.ts'

/** In seconds. The limits leave time for waits that users cause, such as the download of a large image. */
export const transientStateLimits = {
  /** The server has no host: no host has room, or an object that the server names does not exist. */
  unplaced: 300,
  /** The server has a host, and its guest has not run yet. */
  building: 1800,
  /** An action request was admitted, and the agent has not completed it. */
  action: 600,
  /** The agent is applying a change of the spec (condition Reconciling). */
  changing: 600,
  /** The server's host is down. */
  unreachable: 300,
  deleting: 300,
} as const
export type TransientState = keyof typeof transientStateLimits

interface StateSince {
  state: TransientState
  /** RFC 3339 timestamp. */
  since: string
}

/** The transient state that a server is in, and since when; undefined if the server is in none. */
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

/**
 * The time since which a condition has the status `wanted`; undefined if the condition is absent or has another status.
 */
function conditionSince({ conditions }: ServerStatus, type: string, wanted: 'True' | 'False'): string | undefined {
  const found = findCondition(conditions, type)
  return found?.status === wanted ? found.lastTransitionTime : undefined
}

/**
 * The server's transient state if it has lasted too long, else undefined.
 * @param now milliseconds since the epoch
 */
export function overdueStateOf(server: Server, now: number): TransientState | undefined {
  const found = transientStateOf(server)
  return found && now - Date.parse(found.since) > transientStateLimits[found.state] * 1000 ? found.state : undefined
}
