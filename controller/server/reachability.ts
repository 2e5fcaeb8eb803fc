/**
 * The part of a Server's status that tells whether its host is up. The controller writes it with the field manager
 * `nodeLifecycle`.
 */
import {
  type Condition,
  findCondition,
  type NewCondition,
  ownedStatus,
  type Server,
  type StatusOf,
  withTransitionTimes,
} from '../../crds/index.ts'

export type NodeLifecycleStatus = StatusOf<'nodeLifecycle'>

/** The status fields that the field manager nodeLifecycle owns, after the conditions in `set` have been set. */
function withConditions(server: Server, set: readonly NewCondition[], now: string): NodeLifecycleStatus {
  const replaced = new Set<string>(set.map(({ type }) => type))
  const { conditions = [] } = ownedStatus('Server', 'nodeLifecycle', server.status)
  const kept = conditions.filter(({ type }) => !replaced.has(type))
  return { conditions: [...kept, ...withTransitionTimes(set, server.status?.conditions, now)] }
}

/** The status while the host is down: the state of the Server is unknown, and no agent works on it. */
export function unreachableStatus(server: Server, message: string, now: string): NodeLifecycleStatus {
  const why = { reason: 'HostDown', message, observedGeneration: server.metadata.generation ?? 0 } as const
  const set: NewCondition[] = [
    { type: 'HostReachable', status: 'False', ...why },
    { type: 'Ready', status: 'Unknown', ...why },
  ]
  return withConditions(server, set, now)
}

/**
 * The status when the host is up again, without the HostReachable condition. A Ready condition with the reason HostDown
 * stays until the agent has written Ready. If the controller left Ready out earlier, server-side apply would remove
 * only the fields that the controller alone owns, and leave an incomplete condition.
 */
export function reachableStatus({ status }: Server): NodeLifecycleStatus {
  const { conditions = [] } = ownedStatus('Server', 'nodeLifecycle', status)
  const kept = conditions.filter(({ type }: Condition) => type === 'Ready')
  return kept.length > 0 ? { conditions: kept } : {}
}

export function deletionPendingStatus(server: Server, message: string, now: string): NodeLifecycleStatus {
  const observedGeneration = server.metadata.generation ?? 0
  const pending = { type: 'DeletionPending', status: 'True', reason: 'HostDown', message, observedGeneration } as const
  return withConditions(server, [pending], now)
}

/** Whether the Server's status already reports that the host is up or, if `isUp` is false, that it is down. */
export function isReachabilityReported({ status }: Server, isUp: boolean): boolean {
  return (findCondition(status?.conditions, 'HostReachable')?.status === 'False') !== isUp
}
