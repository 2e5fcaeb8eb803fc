/** The node lifecycle's part of a Server's status: whether its host is up. Pure. */
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

/** The status fields that the node lifecycle owns, with these conditions set. */
function withConditions(server: Server, set: readonly NewCondition[], now: string): NodeLifecycleStatus {
  const replaced = new Set<string>(set.map(({ type }) => type))
  const { conditions = [] } = ownedStatus('Server', 'nodeLifecycle', server.status)
  const kept = conditions.filter(({ type }) => !replaced.has(type))
  return { conditions: [...kept, ...withTransitionTimes(set, server.status?.conditions, now)] }
}

/** The status when the host is down: the state of the Server is unknown, and its agent does not work on it. */
export function unreachableStatus(server: Server, message: string, now: string): NodeLifecycleStatus {
  const why = { reason: 'HostDown', message, observedGeneration: server.metadata.generation ?? 0 } as const
  const set: NewCondition[] = [
    { type: 'HostReachable', status: 'False', ...why },
    { type: 'Ready', status: 'Unknown', ...why },
  ]
  return withConditions(server, set, now)
}

/**
 * The status when the host is up. A Ready condition with reason HostDown stays until the agent has written another:
 * when one of two managers of a condition stops applying it, server-side apply keeps only the members that the other
 * one has written.
 */
export function reachableStatus({ status }: Server): NodeLifecycleStatus {
  const { conditions = [] } = ownedStatus('Server', 'nodeLifecycle', status)
  const kept = conditions.filter(({ type }: Condition) => type === 'Ready')
  return kept.length > 0 ? { conditions: kept } : {}
}

/** The status when the deletion waits for the host. */
export function deletionPendingStatus(server: Server, message: string, now: string): NodeLifecycleStatus {
  const observedGeneration = server.metadata.generation ?? 0
  const pending = { type: 'DeletionPending', status: 'True', reason: 'HostDown', message, observedGeneration } as const
  return withConditions(server, [pending], now)
}

/** Whether the status reports already what {@link unreachableStatus} or {@link reachableStatus} would. */
export function isReachabilityReported({ status }: Server, isUp: boolean): boolean {
  return (findCondition(status?.conditions, 'HostReachable')?.status === 'False') !== isUp
}
