/**
 * Gates are checks that a Server must pass before each reconcile. While a gate is closed, the agent must not work on
 * the Server. Pure.
 */
import { findCondition, type Server } from '../../crds/index.ts'
import { type Outcome, wait } from '../../kube/outcome.ts'

/** The state of the agent that the gates (checks before each reconcile) read. */
export interface AgentState {
  areFactsKnown: boolean
  /** Whether libvirt has been unreachable for longer than a restart of libvirtd takes. */
  isLibvirtAway: boolean
  /** Whether the last heartbeat is so old that the controller counts this host as down. */
  isHeartbeatOverdue: boolean
}

export interface Gate {
  name: string
  /** The outcome of the reconcile if the gate is closed; undefined if it is open. */
  blocks(server: Server, state: AgentState): Outcome | undefined
}

const HEARTBEAT_RECHECK_MS = 1000

export const reconcileGates: readonly Gate[] = [
  {
    // Without the host's facts, no domain can be built. When the agent knows the facts, it enqueues all Servers. If
    // libvirt is away, the reconcile must run, so that the status says that the Server waits.
    name: 'factsKnown',
    blocks: (_, { areFactsKnown, isLibvirtAway }) =>
      areFactsKnown || isLibvirtAway ? undefined : wait('what the host can do'),
  },
  {
    // The controller may have placed the Servers on other hosts, because it has not seen a heartbeat for too long.
    name: 'heartbeatTaken',
    blocks: (_, { isHeartbeatOverdue }) =>
      isHeartbeatOverdue ? wait('the API server to take a heartbeat', HEARTBEAT_RECHECK_MS) : undefined,
  },
  {
    // The controller counts this host as down, or an operator has forced it down, so other hosts may run its Servers.
    // The controller later removes the condition, and this change enqueues the Server.
    name: 'hostReachable',
    blocks: ({ status }) =>
      findCondition(status?.conditions, 'HostReachable')?.status === 'False'
        ? wait('the controller to hear of this host')
        : undefined,
  },
]

/** Returns the outcome of the first closed gate; undefined if all gates are open. */
export function findClosedGate(server: Server, state: AgentState): Outcome | undefined {
  for (const gate of reconcileGates) {
    const outcome = gate.blocks(server, state)
    if (outcome) return outcome
  }
  return undefined
}
