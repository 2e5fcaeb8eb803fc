/** Which hosts are alive: each agent renews a Lease; a host whose lease has not changed for its duration is down. */
import type { Hypervisor } from '../../crds/index.ts'
import type { Lease } from '../../kube/builtin-kinds.ts'
import type { ReadonlyCache } from '../../kube/cache.ts'
import type { Clock } from '../../kube/clock.ts'
import { createLeaseObserver, type LeaseObserver } from '../../kube/heartbeat.ts'
import type { Informer } from '../../kube/informer.ts'

export interface Hosts {
  /** Is there a Hypervisor of that name? */
  known(host: string): boolean
  isForcedDown(host: string): boolean
  /** Known, its agent heard of in time, and not forced down. */
  isUp(host: string): boolean
  /** A sentence for conditions; meant for a host that is not up. */
  whyDown(host: string): string
}

export interface HostsOptions {
  hypervisors: ReadonlyCache<Hypervisor>
  /** Not started yet, and not before `hypervisors` is filled: of a host that was said to be down an old lease is no sign of life. */
  leases: Informer<Lease>
  namespace: string
  clock: Clock
  /** A host may have gone up or down: look at it again. */
  onChange(host: string): void
}

/** A host is looked at a little after its lease ran out, and then this often until it is down for certain. */
const RECHECK_MS = 500

/** Follows the leases until disposed. */
export class LeaseHosts implements Hosts, Disposable {
  readonly #options: HostsOptions
  readonly #observer: LeaseObserver
  readonly #timers = new Map<string, () => void>()
  /** By what was last looked at: whoever asks is told what onChange was called for, so that nobody keeps an answer that has changed unseen. */
  readonly #heardOf = new Map<string, boolean>()
  /** Said to be down when their lease was first seen, and not heard since: an old lease is no news of them. */
  readonly #silent = new Set<string>()
  readonly #leave: () => void

  constructor(options: HostsOptions) {
    this.#options = options
    this.#observer = createLeaseObserver(options.leases, options.clock)
    this.#leave = options.leases.on({
      added: (lease, { initial }) => {
        const { name } = lease.metadata
        if (initial && options.hypervisors.get(name)?.status?.state === 'down') this.#silent.add(name)
        this.#heard(name, lease)
      },
      updated: (old, lease) => {
        if (old.spec?.renewTime !== lease.spec?.renewTime) this.#silent.delete(lease.metadata.name)
        this.#heard(lease.metadata.name, lease)
      },
      deleted: ({ metadata }) => {
        this.#silent.delete(metadata.name)
        this.#look(metadata.name)
      },
    })
  }

  [Symbol.dispose](): void {
    this.#leave()
    this.#observer.stop()
    for (const cancel of this.#timers.values()) cancel()
  }

  known(host: string): boolean {
    return this.#options.hypervisors.has(host)
  }

  isForcedDown(host: string): boolean {
    return this.#options.hypervisors.get(host)?.spec.forcedDown ?? false
  }

  isUp(host: string): boolean {
    return this.known(host) && !this.isForcedDown(host) && this.#heardOf.get(host) === true
  }

  whyDown(host: string): string {
    if (!this.known(host)) return `there is no Hypervisor ${host}: the agent of that host makes it when it starts`
    if (this.isForcedDown(host)) return `host ${host} is forced down`
    return `the agent of host ${host} has stopped renewing its lease`
  }

  #isHeard(host: string): boolean {
    return !this.#silent.has(host) && this.#observer.state(`${this.#options.namespace}/${host}`) === 'alive'
  }

  #heard(host: string, lease: Lease): void {
    this.#look(host)
    this.#recheck(host, (lease.spec?.leaseDurationSeconds ?? 0) * 1000 + RECHECK_MS)
  }

  #recheck(host: string, afterMs: number): void {
    this.#timers.get(host)?.()
    const again = (): void => {
      this.#look(host)
      // Still alive: nobody was heard, the API server itself being away. It is asked again until one or the other is sure.
      if (this.#isHeard(host)) this.#recheck(host, RECHECK_MS)
    }
    this.#timers.set(host, this.#options.clock.timer(afterMs, again))
  }

  #look(host: string): void {
    const isHeard = this.#isHeard(host)
    if (this.#heardOf.get(host) === isHeard) return
    this.#heardOf.set(host, isHeard)
    this.#options.onChange(host)
  }
}
