/** The controller's part of a Hypervisor's status: is it up, and what of it is used. Pure. */
import { type Hypervisor, type NewCondition, stamp } from '../../crds/index.ts'
import type { HostUsage } from '../scheduler/host-view.ts'
import { saysHostDown } from '../server/status.ts'

export interface HostFacts {
  up: boolean
  whyDown: string
  used: HostUsage
  now: string
}

/** All that the controller writes; the Ready condition only when the host is down, for then its agent does not. */
export function hostStatus(host: Hypervisor, { up, whyDown, used, now }: HostFacts): NonNullable<Hypervisor['status']> {
  const down: NewCondition = {
    type: 'Ready',
    status: 'Unknown',
    reason: 'HostDown',
    message: whyDown,
    observedGeneration: host.metadata.generation ?? 0,
  }
  const { vcpus, ram, disk, servers } = used
  const old = host.status?.conditions
  // What we said of a host that was down stays ours until its agent has said better.
  const conditions = up ? (old ?? []).filter(saysHostDown) : stamp([down], old, now)
  return {
    state: up ? 'up' : 'down',
    used: { vcpus, ram, disk },
    servers,
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}
