import {
  type Condition,
  findAgentSkew,
  findCondition,
  type Hypervisor,
  type NewCondition,
  ownedStatus,
  type StatusOf,
  withTransitionTimes,
} from '../../crds/index.ts'
import type { HostUsage } from '../scheduler/host-view.ts'

export interface HostFacts {
  up: boolean
  whyDown: string
  used: HostUsage
  now: string
  /** The version of the controller. */
  version: string
}

/**
 * All status fields that the field manager nodeLifecycle owns. From the time when the host goes down until the agent
 * writes Ready again, they include the Ready condition.
 *
 * Conditions of a Hypervisor have no observedGeneration, because the agent writes conditions too but does not read the
 * spec. kubectl wait then uses the observedGeneration of the status.
 */
export function hostStatus(host: Hypervisor, facts: HostFacts): StatusOf<'nodeLifecycle', 'Hypervisor'> {
  const { up } = facts
  const { vcpus, ram, disk, servers } = facts.used
  const isReported = !up || findCondition(host.status?.conditions, 'Ready') !== undefined
  const conditions = hostConditions(host, facts)
  return {
    // Without a Ready condition, kstatus counts a Hypervisor with the real generation as finished, but one with -1 as
    // in progress.
    observedGeneration: isReported ? (host.metadata.generation ?? 0) : -1,
    state: up ? 'up' : 'down',
    used: { vcpus, ram, disk },
    servers,
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}

function hostConditions(host: Hypervisor, { up, whyDown, now, version }: HostFacts): Condition[] {
  const { conditions: owned = [] } = ownedStatus('Hypervisor', 'nodeLifecycle', host.status)
  const wanted: NewCondition[] = []
  const why = { reason: 'HostDown', message: whyDown } as const
  if (!up) wanted.push({ type: 'Ready', status: 'Unknown', ...why })
  // spec.forcedDown keeps the host down until the spec is changed, so the Hypervisor is Stalled.
  if (!up && host.spec.forcedDown) wanted.push({ type: 'Stalled', status: 'True', ...why })
  const skew = findAgentSkew(host.status?.agentVersion, version)
  if (skew) wanted.push({ type: 'VersionSkew', status: 'True', ...skew })
  const kept = up ? owned.filter(({ type }) => type === 'Ready') : []
  return [...kept, ...withTransitionTimes(wanted, host.status?.conditions, now)]
}
