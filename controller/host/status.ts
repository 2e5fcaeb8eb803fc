import {
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
}

/**
 * All status fields that the field manager nodeLifecycle owns. When the host goes down, it also owns the Ready
 * condition, until the agent writes Ready again.
 *
 * Conditions of a Hypervisor have no observedGeneration, because the agent writes conditions too but does not read the
 * spec. kubectl wait then uses the observedGeneration of the status.
 */
export function hostStatus(
  host: Hypervisor,
  { up, whyDown, used, now }: HostFacts,
): StatusOf<'nodeLifecycle', 'Hypervisor'> {
  const why = { reason: 'HostDown', message: whyDown } as const
  const down: NewCondition[] = [{ type: 'Ready', status: 'Unknown', ...why }]
  // spec.forcedDown keeps the host down until the spec is changed, so the Hypervisor is Stalled.
  if (host.spec.forcedDown) down.push({ type: 'Stalled', status: 'True', ...why })
  const { vcpus, ram, disk, servers } = used
  const isReported = !up || findCondition(host.status?.conditions, 'Ready') !== undefined
  const { conditions: owned = [] } = ownedStatus('Hypervisor', 'nodeLifecycle', host.status)
  const kept = owned.filter(({ type }) => type === 'Ready')
  const conditions = up ? kept : withTransitionTimes(down, host.status?.conditions, now)
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
