/** The heartbeats of Kubenova's programs: the Leases that agents and the leading controller renew. */
import { type Lease, leases } from '../../kube/builtin-kinds.ts'
import type { Kube } from '../../kube/client.ts'

const CONTROLLER_LEASE = 'kubenova-controller'
/** How long a list of Leases is reused. A watch would cost more, because each Lease changes every few seconds. */
const LIFETIME_MS = 2_000
/** A program without a heartbeat for this long counts as down. Nova's option service_down_time. */
const DOWN_AFTER_MS = 60_000

export interface Heartbeat {
  /** The process that has renewed the Lease. */
  holder: string
  uid: string
  /** RFC 3339; undefined if the Lease has never been renewed. */
  renewedAt: string | undefined
  isAlive: boolean
}

export class Heartbeats {
  readonly #kube: Pick<Kube, 'resource' | 'clock'>
  readonly #namespace: string
  #known: { until: number; leases: Promise<readonly Lease[]> } | undefined

  /** @param namespace the namespace of the Leases */
  constructor(kube: Pick<Kube, 'resource' | 'clock'>, namespace: string) {
    this.#kube = kube
    this.#namespace = namespace
  }

  /** The heartbeats of the agents are by host. `controller` is undefined if no controller has ever led. */
  async read(): Promise<{ agents: ReadonlyMap<string, Heartbeat>; controller: Heartbeat | undefined }> {
    const all = new Map((await this.#list()).map((lease) => [lease.metadata.name, this.#heartbeatOf(lease)]))
    const controller = all.get(CONTROLLER_LEASE)
    all.delete(CONTROLLER_LEASE)
    return { agents: all, controller }
  }

  async #list(): Promise<readonly Lease[]> {
    const now = this.#kube.clock.now()
    if (this.#known && this.#known.until > now) return this.#known.leases
    const list = this.#kube.resource(leases).list({ namespace: this.#namespace })
    const known = { until: now + LIFETIME_MS, leases: list.then(({ items }) => items) }
    this.#known = known
    known.leases.catch(() => {
      if (this.#known === known) this.#known = undefined
    })
    return known.leases
  }

  #heartbeatOf({ metadata, spec = {} }: Lease): Heartbeat {
    const { holderIdentity = '', renewTime } = spec
    const age = renewTime === undefined ? Infinity : this.#kube.clock.wall().getTime() - Date.parse(renewTime)
    return {
      holder: holderIdentity.replace(/_[^_]*$/, ''),
      uid: metadata.uid ?? '',
      renewedAt: renewTime,
      isAlive: age < DOWN_AFTER_MS,
    }
  }
}
