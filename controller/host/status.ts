/** The node lifecycle's part of a Hypervisor's status: whether the host is up, and what its servers use. Pure. */
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
 * Everything that the node lifecycle owns. The Ready condition is part of it only while the host is down, when its
 * agent does not write it, and until the agent has written another.
 *
 * Conditions of a Hypervisor have no observedGeneration: its agent does not read the spec, and kubectl wait then uses
 * that of the status.
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
