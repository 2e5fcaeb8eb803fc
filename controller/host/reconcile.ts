/** A Hypervisor: is it up, and what of it is used. Its servers hear of it when it goes down or comes back. */
import type { Clock } from '../../kube/clock.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { applyStatus } from '../apply-status.ts'
import type { Ledger } from '../scheduler/ledger.ts'
import type { Stores } from '../stores.ts'
import type { Hosts } from './hosts.ts'
import { hostStatus } from './status.ts'

export interface HostDeps {
  stores: Stores
  hosts: Hosts
  ledger: Ledger
  clock: Clock
  /** What is used changes with every server; it is written at most this often. Up, down and the generation are written at once. */
  everyMs: number
}

export function createHostReconciler(deps: HostDeps): (key: string) => Promise<Outcome> {
  const { stores, hosts, ledger, clock, everyMs } = deps
  const written = new Map<string, number>()
  return async (name) => {
    const host = stores.hypervisors.cache.get(name)
    if (!host) return done
    const up = hosts.isUp(name)
    const status = hostStatus(host, {
      up,
      whyDown: hosts.whyDown(name),
      used: ledger.usageOf(name),
      now: clock.wall().toISOString(),
    })
    const age = clock.now() - (written.get(name) ?? -Infinity)
    const { state, observedGeneration } = host.status ?? {}
    const isUrgent = state !== status.state || observedGeneration !== status.observedGeneration
    if (!isUrgent && age < everyMs) return wait('the next write of what is used', everyMs - age)
    const { api } = stores.hypervisors
    const write = await applyStatus(api, { kind: 'Hypervisor', owner: 'nodeLifecycle', seen: host, status })
    if (write.result === 'written') written.set(name, clock.now())
    return done
  }
}
