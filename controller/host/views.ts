/** The hosts as the scheduler sees them, prepared once and kept until something about them changes. */
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'
import type { Informer } from '../../kube/informer.ts'
import { HostTable } from '../scheduler/host-table.ts'
import { aggregatesByHost, type HostView, toHostView } from '../scheduler/host-view.ts'
import type { Ledger } from '../scheduler/ledger.ts'
import type { Hosts } from './hosts.ts'

export interface ViewOptions {
  hypervisors: Informer<Hypervisor>
  aggregates: Informer<HostAggregate>
  hosts: Hosts
  ledger: Ledger
}

export class HostViews {
  readonly #options: ViewOptions
  readonly #table = new HostTable()
  /** Hosts to be looked at before the table is next asked. */
  readonly #touched = new Set<string>()
  #aggregates: Map<string, HostAggregate[]> | undefined

  constructor(options: ViewOptions) {
    this.#options = options
    const { hypervisors, aggregates, ledger } = options
    hypervisors.on({
      added: ({ metadata }) => this.touch(metadata.name),
      updated: (_, { metadata }) => this.touch(metadata.name),
      deleted: ({ metadata }) => this.touch(metadata.name),
    })
    const all = (): void => {
      this.#aggregates = undefined
      for (const name of hypervisors.cache.keys()) this.touch(name)
    }
    aggregates.on({ added: all, updated: all, deleted: all })
    ledger.onChange((host) => this.#table.markUsageChanged(host))
  }

  /** Something about this host changed that its Hypervisor does not say: its agent was heard of, or not. */
  touch(name: string): void {
    this.#touched.add(name)
  }

  /** All hosts, as they are now. */
  table(): HostTable {
    for (const name of this.#touched) {
      const host = this.#options.hypervisors.cache.get(name)
      if (host) this.#table.set(this.#view(host))
      else this.#table.delete(name)
    }
    this.#touched.clear()
    return this.#table
  }

  get(name: string): HostView | undefined {
    return this.table().get(name)
  }

  #view(host: Hypervisor): HostView {
    const { name } = host.metadata
    const { aggregates, hosts, ledger } = this.#options
    this.#aggregates ??= aggregatesByHost(aggregates.cache.values())
    const view = toHostView(host, this.#aggregates.get(name) ?? [], ledger.usageOf(name))
    return { ...view, up: hosts.isUp(name) }
  }
}
