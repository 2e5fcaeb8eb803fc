/**
 * Keeps the scheduler's view of each host: the facts that the scheduler compares, computed in advance and again when
 * the host changes.
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
   * To be called when an agent's Lease expires or an expired Lease is renewed. The host goes down or up then, without
   * an event of its Hypervisor.
   */
  markChanged(name: string): void {
    this.#stale.add(name)
  }

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
