/**
 * Pure functions for the part of a Hypervisor's status that the controller writes with the field manager
 * `nodeLifecycle`: whether the host is up, and what its servers use.
 */
import {
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
}

/**
 * All status fields that the field manager nodeLifecycle owns. It owns the Ready condition from the time when the host
 * goes down until the agent writes Ready again.
 *
 * Conditions of a Hypervisor have no observedGeneration, because the agent, which writes them too, does not read the
 * spec. kubectl wait then uses the observedGeneration of the status.
 */
export function hostStatus(
  host: Hypervisor,
  { up, whyDown, used, now }: HostFacts,
): StatusOf<'nodeLifecycle', 'Hypervisor'> {
  const down: NewCondition = { type: 'Ready', status: 'Unknown', reason: 'HostDown', message: whyDown }
  const { vcpus, ram, disk, servers } = used
  const { conditions: kept = [] } = ownedStatus('Hypervisor', 'nodeLifecycle', host.status)
  const conditions = up ? kept : withTransitionTimes([down], host.status?.conditions, now)
  return {
    observedGeneration: host.metadata.generation ?? 0,
    state: up ? 'up' : 'down',
    used: { vcpus, ram, disk },
    servers,
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}
