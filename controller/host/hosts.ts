/**
 * The agent of each host renews a Lease, which states how long it is valid. If the agent does not renew the Lease in
 * this time, the host is down.
 */
import type { Hypervisor } from '../../crds/index.ts'
import type { Lease } from '../../kube/builtin-kinds.ts'
import type { ReadonlyCache } from '../../kube/cache.ts'
import type { Clock } from '../../kube/clock.ts'
import { createLeaseObserver, type LeaseObserver } from '../../kube/heartbeat.ts'
import type { Informer } from '../../kube/informer.ts'

export interface Hosts {
  exists(host: string): boolean
  isForcedDown(host: string): boolean
  /** Whether the host exists, its agent renews its Lease, and it is not forced down. */
  isUp(host: string): boolean
  whyDown(host: string): string
}

export interface HostsOptions {
  hypervisors: ReadonlyCache<Hypervisor>
  /**
   * Start this informer only after the cache `hypervisors` is filled, because the first list of Leases is compared with
   * that cache: an old Lease is no sign of life for a host that was down according to its Hypervisor.
   */
  leases: Informer<Lease>
  namespace: string
  clock: Clock
  onChange(host: string): void
}

/** Milliseconds from the expiry of a Lease to the first check of its host, and between further checks. */
const RECHECK_MS = 500

export class LeaseHosts implements Hosts, Disposable {
  readonly #options: HostsOptions
  readonly #observer: LeaseObserver
  readonly #recheckTimers = new Map<string, () => void>()
  /**
   * By host: whether its agent was alive at the last call of onChange. isUp() reads this map, so that no caller sees a
   * change before onChange is called.
   */
  readonly #reportedAlive = new Map<string, boolean>()
  /** Hosts that were down when the controller first saw their Lease. They stay down until their agent renews it. */
  readonly #downSinceStart = new Set<string>()
  readonly #removeHandlers: () => void

  constructor(options: HostsOptions) {
    this.#options = options
    this.#observer = createLeaseObserver(options.leases, options.clock)
    this.#removeHandlers = options.leases.on({
      added: (lease, { initial }) => {
        const { name } = lease.metadata
        if (initial && options.hypervisors.get(name)?.status?.state === 'down') this.#downSinceStart.add(name)
        this.#onLease(name, lease)
      },
      updated: (old, lease) => {
        if (old.spec?.renewTime !== lease.spec?.renewTime) this.#downSinceStart.delete(lease.metadata.name)
        this.#onLease(lease.metadata.name, lease)
      },
      deleted: ({ metadata }) => {
        this.#downSinceStart.delete(metadata.name)
        this.#check(metadata.name)
      },
    })
  }

  [Symbol.dispose](): void {
    this.#removeHandlers()
    this.#observer.stop()
    for (const cancel of this.#recheckTimers.values()) cancel()
  }

  exists(host: string): boolean {
    return this.#options.hypervisors.has(host)
  }

  isForcedDown(host: string): boolean {
    return this.#options.hypervisors.get(host)?.spec.forcedDown ?? false
  }

  isUp(host: string): boolean {
    return this.exists(host) && !this.isForcedDown(host) && this.#reportedAlive.get(host) === true
  }

  whyDown(host: string): string {
    if (!this.exists(host)) return `there is no Hypervisor ${host}: the agent of that host makes it when it starts`
    if (this.isForcedDown(host)) return `host ${host} is forced down`
    return `the agent of host ${host} has stopped renewing its lease`
  }

  #isAlive(host: string): boolean {
    return !this.#downSinceStart.has(host) && this.#observer.state(`${this.#options.namespace}/${host}`) === 'alive'
  }

  #onLease(host: string, lease: Lease): void {
    this.#check(host)
    this.#recheckAfter(host, (lease.spec?.leaseDurationSeconds ?? 0) * 1000 + RECHECK_MS)
  }

  #recheckAfter(host: string, delayMs: number): void {
    this.#recheckTimers.get(host)?.()
    const recheck = (): void => {
      this.#check(host)
      // An expired Lease does not count while the watch of Leases is interrupted, so the host is checked again later.
      if (this.#isAlive(host)) this.#recheckAfter(host, RECHECK_MS)
    }
    this.#recheckTimers.set(host, this.#options.clock.timer(delayMs, recheck))
  }

  #check(host: string): void {
    const isAlive = this.#isAlive(host)
    if (this.#reportedAlive.get(host) === isAlive) return
    this.#reportedAlive.set(host, isAlive)
    this.#options.onChange(host)
  }
}
