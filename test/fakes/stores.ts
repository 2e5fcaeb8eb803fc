/**
 * The controller's stores (informers with their caches) on the fake API server. A test can wait until each cache holds
 * the same objects as the API server.
 */
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

/** Number of turns of the event loop after which waitForCaches() gives up. */
const MAX_TURNS = 1000

export class FakeStores implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly api: FakeApi
  readonly life: Life
  readonly kube: Kube
  readonly stores: Stores
  readonly leases: Informer<Lease>
  readonly #stop = new AbortController()

  /** @param api an existing API server, for a test that restarts the controller; default: a new one */
  constructor(api?: FakeApi, life = new Life()) {
    this.api = api ?? new FakeApi(() => this.clock.wall())
    this.life = life
    this.kube = this.api.kube(life, 'kubenova-controller')
    this.stores = createStores(storeDefs, { kube: this.kube })
    // An informer takes a watch for broken if the API server does not end it within a time limit, and the fake API
    // server never ends a watch. So set a limit that no test reaches.
    const options = { namespace: 'kubenova-system', clock: this.clock, watchSeconds: () => 1_000_000 }
    this.leases = createInformer(this.kube.resource<Lease>(leases), options)
  }

  /** Starts the informers and waits until their caches are filled. Register event handlers before you call it. */
  async start(): Promise<this> {
    await startStores(this.stores, this.#stop.signal)
    this.leases.start(this.#stop.signal)
    await this.waitForCaches()
    return this
  }

  /** Waits until all caches hold exactly the objects of the API server. */
  async waitForCaches(): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (this.#isCurrent()) return
      await flushPromises()
    }
    throw new Error('the caches do not catch up')
  }

  #isCurrent(): boolean {
    const informers = [this.leases, ...Object.values(this.stores).map(({ informer }) => informer as Informer<never>)]
    return informers.every(({ name, cache }) => {
      const stored = this.api.list<Lease>(name.split('.')[0] ?? '')
      const isCached = ({ metadata }: Lease): boolean =>
        cache.get(keyOf(metadata))?.metadata.resourceVersion === metadata.resourceVersion
      return cache.size === stored.length && stored.every(isCached)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the test is over'))
    await flushPromises()
  }
}
