/**
 * Keeps the scheduler's views of all hosts. A view has the facts of one host that the scheduler compares, computed in
 * advance. It is rebuilt when the host changes.
 */
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'
import type { Informer } from '../../kube/informer.ts'
import { HostTable } from '../scheduler/host-table.ts'
import { aggregatesByHost, type HostView, toHostView } from '../scheduler/host-view.ts'
import type { Ledger } from '../scheduler/ledger.ts'
import type { Hosts } from './hosts.ts'

export interface HostViewsOptions {
  hypervisors: Informer<Hypervisor>
  aggregates: Informer<HostAggregate>
  hosts: Hosts
  ledger: Ledger
}

export class HostViews {
  readonly #options: HostViewsOptions
  readonly #table = new HostTable()
  /** The hosts whose views are out of date. The method `table` rebuilds these views. */
  readonly #stale = new Set<string>()
  #aggregates: Map<string, HostAggregate[]> | undefined

  constructor(options: HostViewsOptions) {
    this.#options = options
    const { hypervisors, aggregates, ledger } = options
    hypervisors.on({
      added: ({ metadata }) => this.markChanged(metadata.name),
      updated: (_, { metadata }) => this.markChanged(metadata.name),
      deleted: ({ metadata }) => this.markChanged(metadata.name),
    })
    const markAllChanged = (): void => {
      this.#aggregates = undefined
      for (const name of hypervisors.cache.keys()) this.markChanged(name)
    }
    aggregates.on({ added: markAllChanged, updated: markAllChanged, deleted: markAllChanged })
    ledger.onChange((host) => this.#table.markUsageChanged(host))
  }

  /**
   * Marks the host's view as out of date. Call this when the host's agent lets its Lease expire or renews an expired
   * Lease. The host goes down or up then, but the Hypervisor does not change, so no event of the Hypervisor marks the
   * view.
   */
  markChanged(name: string): void {
    this.#stale.add(name)
  }

  /** The table of all hosts. Rebuilds outdated views first. */
  table(): HostTable {
    for (const name of this.#stale) {
      const host = this.#options.hypervisors.cache.get(name)
      if (host) this.#table.set(this.#buildView(host))
      else this.#table.delete(name)
    }
    this.#stale.clear()
    return this.#table
  }

  get(name: string): HostView | undefined {
    return this.table().get(name)
  }

  #buildView(host: Hypervisor): HostView {
    const { name } = host.metadata
    const { aggregates, hosts, ledger } = this.#options
    this.#aggregates ??= aggregatesByHost(aggregates.cache.values())
    const view = toHostView(host, this.#aggregates.get(name) ?? [], ledger.usageOf(name))
    return { ...view, up: hosts.isUp(name) }
  }
}
