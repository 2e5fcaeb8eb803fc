/** Tells which hosts are up. Each agent renews a Lease; a host whose Lease has not changed for its duration is down. */
import type { Hypervisor } from '../../crds/index.ts'
import type { Lease } from '../../kube/builtin-kinds.ts'
import type { ReadonlyCache } from '../../kube/cache.ts'
import type { Clock } from '../../kube/clock.ts'
import { createLeaseObserver, type LeaseObserver } from '../../kube/heartbeat.ts'
import type { Informer } from '../../kube/informer.ts'

export interface Hosts {
  /** Whether there is a Hypervisor of that name. */
  exists(host: string): boolean
  isForcedDown(host: string): boolean
  /** Whether the host exists, its agent renews its Lease, and it is not forced down. */
  isUp(host: string): boolean
  /** Explains in a sentence, for a condition, why the host is not up. */
  whyDown(host: string): string
}

export interface HostsOptions {
  hypervisors: ReadonlyCache<Hypervisor>
  /**
   * Start it after `hypervisors` is filled: the status of a Hypervisor tells whether its host was down before, and an
   * old Lease of such a host is no sign of life.
   */
  leases: Informer<Lease>
  namespace: string
  clock: Clock
  /** Is called when a host may have gone up or down. */
  onChange(host: string): void
}

/** A host is checked this long after its Lease ran out, and then at this interval until it is certainly down. */
const RECHECK_MS = 500

/** Follows the Leases until disposed. */
export class LeaseHosts implements Hosts, Disposable {
  readonly #options: HostsOptions
  readonly #observer: LeaseObserver
  readonly #recheckTimers = new Map<string, () => void>()
  /**
   * The last liveness reported through onChange. isUp() answers from here, so no caller sees a change before onChange
   * was called.
   */
  readonly #reportedAlive = new Map<string, boolean>()
  /** Hosts that were down when their Lease was first seen. They stay down until their agent renews it. */
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
      // If the host is still alive although its Lease ran out, the watch itself was interrupted: check again until it
      // is certain.
      if (this.#isAlive(host)) this.#recheckAfter(host, RECHECK_MS)
    }
    this.#recheckTimers.set(host, this.#options.clock.timer(delayMs, recheck))
  }

  /** Reports the host's liveness if it has changed. */
  #check(host: string): void {
    const isAlive = this.#isAlive(host)
    if (this.#reportedAlive.get(host) === isAlive) return
    this.#reportedAlive.set(host, isAlive)
    this.#options.onChange(host)
  }
}
