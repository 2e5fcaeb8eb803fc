/** The hosts as the scheduler sees them, prepared once and kept until something about them changes. */
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'
import type { Informer } from '../../kube/informer.ts'
import type { Ledger } from '../scheduler/claims.ts'
import { aggregatesByHost, type HostView, hostView } from '../scheduler/host-view.ts'
import type { Hosts } from './hosts.ts'

export interface ViewOptions {
  hypervisors: Informer<Hypervisor>
  aggregates: Informer<HostAggregate>
  hosts: Hosts
  ledger: Ledger
}

export class HostViews {
  readonly #options: ViewOptions
  readonly #views = new Map<string, HostView>()
  #list: HostView[] | undefined
  #aggregates: Map<string, HostAggregate[]> | undefined

  constructor(options: ViewOptions) {
    this.#options = options
    const { hypervisors, aggregates } = options
    hypervisors.on({
      added: ({ metadata }) => this.touch(metadata.name),
      updated: (_, { metadata }) => this.touch(metadata.name),
      deleted: ({ metadata }) => this.touch(metadata.name),
    })
    const all = (): void => {
      this.#aggregates = undefined
      this.#views.clear()
      this.#list = undefined
    }
    aggregates.on({ added: all, updated: all, deleted: all })
  }

  /** Something about this host changed that its Hypervisor does not say: its agent was heard of, or not. */
  touch(name: string): void {
    this.#views.delete(name)
    this.#list = undefined
  }

  all(): readonly HostView[] {
    this.#list ??= [...this.#options.hypervisors.cache.values()].map((h) => this.#view(h))
    return this.#list
  }

  get(name: string): HostView | undefined {
    const host = this.#options.hypervisors.cache.get(name)
    return host && this.#view(host)
  }

  #view(host: Hypervisor): HostView {
    const { name } = host.metadata
    const known = this.#views.get(name)
    if (known) return known
    const { aggregates, hosts, ledger } = this.#options
    this.#aggregates ??= aggregatesByHost(aggregates.cache.values())
    const view = hostView(host, this.#aggregates.get(name) ?? [], { used: ledger.usage(name) })
    const fresh = { ...view, up: hosts.isUp(name) }
    this.#views.set(name, fresh)
    return fresh
  }
}
