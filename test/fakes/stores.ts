/** What the controller knows, real caches on real informers, of the API server in memory; and the wait until they have caught up. */
import { type Stores, storeDefs } from '../../controller/stores.ts'
import type { Lease } from '../../kube/builtin-kinds.ts'
import { leases } from '../../kube/builtin-kinds.ts'
import type { Kube } from '../../kube/client.ts'
import { createInformer, type Informer } from '../../kube/informer.ts'
import { createStores, startStores } from '../../kube/store.ts'
import { FakeClock, flushPromises } from '../../kube/testing/fake-clock.ts'
import { keyOf } from '../../kube/types.ts'
import { FakeApi } from './api.ts'
import { Life } from './life.ts'

const TURNS = 1000

export class FakeStores implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly api: FakeApi
  readonly life: Life
  readonly kube: Kube
  readonly stores: Stores
  readonly leases: Informer<Lease>
  readonly #stop = new AbortController()

  /** @param api one that is there already: another life of the controller */
  constructor(api?: FakeApi, life = new Life()) {
    this.api = api ?? new FakeApi(() => this.clock.wall())
    this.life = life
    this.kube = this.api.kube(life, 'kubenova-controller')
    this.stores = createStores(storeDefs, { kube: this.kube })
    // The fake ends no watch: one that outlives its time would count as deaf.
    const options = { namespace: 'kubenova-system', clock: this.clock, watchSeconds: () => 1_000_000 }
    this.leases = createInformer(this.kube.resource<Lease>(leases), options)
  }

  /** Fills the caches: register what follows them before. */
  async start(): Promise<this> {
    await startStores(this.stores, this.#stop.signal)
    this.leases.start(this.#stop.signal)
    await this.caughtUp()
    return this
  }

  /** Resolves when every cache is as the API server is. */
  async caughtUp(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) {
      if (this.#isCurrent()) return
      await flushPromises()
    }
    throw new Error('the caches do not catch up')
  }

  #isCurrent(): boolean {
    const informers = [this.leases, ...Object.values(this.stores).map(({ informer }) => informer as Informer<never>)]
    return informers.every(({ name, cache }) => {
      const there = this.api.list<Lease>(name.split('.')[0] ?? '')
      const isSame = ({ metadata }: Lease): boolean =>
        cache.get(keyOf(metadata))?.metadata.resourceVersion === metadata.resourceVersion
      return cache.size === there.length && there.every(isSame)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the test is over'))
    await flushPromises()
  }
}
