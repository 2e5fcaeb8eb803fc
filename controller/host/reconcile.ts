import { type Condition, findCondition, type Hypervisor, version } from '../../crds/index.ts'
import type { Clock } from '../../kube/clock.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { applyStatus } from '../apply-status.ts'
import type { ControllerOptions } from '../options.ts'
import type { Ledger } from '../scheduler/ledger.ts'
import type { Stores } from '../stores.ts'
import type { Hosts } from './hosts.ts'
import { hostStatus } from './status.ts'

export interface HostDeps {
  stores: Pick<Stores, 'hypervisors'>
  hosts: Hosts
  ledger: Ledger
  clock: Clock
  /**
   * `hostStatusSeconds` is the shortest time between two writes of a host's usage, which changes with every Server.
   * Other changes are written at once.
   */
  options: Pick<ControllerOptions, 'hostStatusSeconds'>
  /** When the controller last wrote the status of each host, in monotonic milliseconds. */
  hostStatusWrites: Map<string, number>
  /** The version of this controller; by default the version in package.json. */
  version?: string
}

export async function reconcileHost(name: string, deps: HostDeps): Promise<Outcome> {
  const { stores, hosts, ledger, clock, options, hostStatusWrites } = deps
  const everyMs = options.hostStatusSeconds * 1000
  const host = stores.hypervisors.cache.get(name)
  if (!host) return done
  const up = hosts.isUp(name)
  const status = hostStatus(host, {
    up,
    whyDown: hosts.whyDown(name),
    used: ledger.usageOf(name),
    now: clock.wall().toISOString(),
    version: deps.version ?? version,
  })
  const age = clock.now() - (hostStatusWrites.get(name) ?? -Infinity)
  if (!isUrgent(host.status, status) && age < everyMs) return wait('the next write of the usage', everyMs - age)
  const { api } = stores.hypervisors
  const write = await applyStatus(api, { kind: 'Hypervisor', owner: 'nodeLifecycle', seen: host, status })
  if (write.result === 'written') hostStatusWrites.set(name, clock.now())
  return done
}

/** Whether anything but the usage has changed. */
function isUrgent(before: Hypervisor['status'] = {}, now: ReturnType<typeof hostStatus>): boolean {
  const skewIn = ({ conditions }: { conditions?: Condition[] }): string | undefined =>
    findCondition(conditions, 'VersionSkew')?.message
  const { state, observedGeneration } = before
  return state !== now.state || observedGeneration !== now.observedGeneration || skewIn(before) !== skewIn(now)
}
