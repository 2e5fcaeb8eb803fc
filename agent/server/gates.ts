/**
 * Gates that each Server passes before its reconcile. A closed gate means that the agent must not work on the Server
 * now. Pure.
 */
import { findCondition, type Server } from '../../crds/index.ts'
import { type Outcome, wait } from '../../kube/outcome.ts'

/** The state of the agent that the gates depend on. */
export interface AgentState {
  /** Whether the agent knows what the host can do (host/facts.ts). */
  areFactsKnown: boolean
  /** Whether libvirt has not answered for longer than a restart of libvirtd takes. */
  isLibvirtAway: boolean
  /** Whether no heartbeat has reached the API server for so long that the controller considers this host down. */
  isHeartbeatOverdue: boolean
}

export interface Gate {
  name: string
  /** The outcome of the reconcile if the gate is closed; undefined if it is open. */
  blocks(server: Server, state: AgentState): Outcome | undefined
}

/** The delay before the agent checks again whether a heartbeat has reached the API server. */
const HEARTBEAT_RECHECK_MS = 1000

export const reconcileGates: readonly Gate[] = [
  {
    // Without the host's facts nothing can be built. All Servers are enqueued when the facts are known. While libvirt
    // is away the gate is open, so that each Server can report that it waits for libvirt.
    name: 'factsKnown',
    blocks: (_, { areFactsKnown, isLibvirtAway }) =>
      areFactsKnown || isLibvirtAway ? undefined : wait('what the host can do'),
  },
  {
    // After so long without a heartbeat, the controller may have placed the Servers of this host elsewhere.
    name: 'heartbeatTaken',
    blocks: (_, { isHeartbeatOverdue }) =>
      isHeartbeatOverdue ? wait('the API server to take a heartbeat', HEARTBEAT_RECHECK_MS) : undefined,
  },
  {
    // The controller counts this host as down, or an operator has forced it down, so other hosts may run its Servers.
    // When the host is up again, the controller removes the condition, and this update enqueues the Server.
    name: 'hostReachable',
    blocks: ({ status }) =>
      findCondition(status?.conditions, 'HostReachable')?.status === 'False'
        ? wait('the controller to hear of this host')
        : undefined,
  },
]

/** The outcome of the first gate that is closed; undefined if the Server may be reconciled. */
export function findClosedGate(server: Server, state: AgentState): Outcome | undefined {
  for (const gate of reconcileGates) {
    const outcome = gate.blocks(server, state)
    if (outcome) return outcome
  }
  return undefined
}
