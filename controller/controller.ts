/** This file is separate from program.ts, so that tests and the simulator can run the controller too. */
import { type Lease, leases } from '../kube/builtin-kinds.ts'
import { Channels } from '../kube/channel.ts'
import type { Kube } from '../kube/client.ts'
import { startInterval } from '../kube/clock.ts'
import { type Controller as Declared, runControllers } from '../kube/controller.ts'
import { createInformer } from '../kube/informer.ts'
import type { Log } from '../kube/log.ts'
import { createStores, startStores, unsyncedStores } from '../kube/store.ts'
import { actionController } from './action/controller.ts'
import { aggregateController, flavorController, imageController, keyPairController } from './catalogue/controller.ts'
import { addressFreed } from './channels.ts'
import { cleanupController } from './cleanup/controller.ts'
import { hostController } from './host/controller.ts'
import { exposeControllerMetrics } from './metrics.ts'
import { networkController } from './network/controller.ts'
import type { ControllerOptions } from './options.ts'
import { portController } from './port/controller.ts'
import { serverController } from './server/controller.ts'
import { createServices, type Services } from './services.ts'
import { storeDefs } from './stores.ts'
import { expireUnseen } from './usage.ts'

export const controllers: readonly Declared<Services>[] = [
  serverController,
  actionController,
  cleanupController,
  portController,
  networkController,
  hostController,
  flavorController,
  imageController,
  keyPairController,
  aggregateController,
]

export interface Controller {
  /** Resolves when the informer caches are filled. */
  start(signal: AbortSignal): Promise<void>
  /** Reconciles until `signal` aborts. Call it only when this process is the leader. */
  run(signal: AbortSignal): Promise<void>
  /** Throws while a cache is not filled. */
  checkReady(): void
}

export const HOST_LEASE = 'compute.kubenova.io/component=agent'
const EXPIRY_MS = 10_000

export function createController(kube: Kube, options: ControllerOptions, log: Log): Controller {
  const { clock, metrics } = kube
  const channels = new Channels()
  const stores = createStores(storeDefs, { kube, log })
  const leaseOptions = { namespace: options.namespace, labelSelector: HOST_LEASE, log, metrics, clock }
  const leaseInformer = createInformer<Lease>(kube.resource(leases), leaseOptions)
  const services = createServices(stores, { kube, leases: leaseInformer, channels, options, log })
  return {
    checkReady() {
      const late = unsyncedStores(stores)
      if (late.length > 0) throw new Error(`waiting for the first list of ${late.join(', ')}`)
    },
    start: (signal) => startStores(stores, signal),
    async run(signal) {
      // Only the leader watches Leases. A standby that watches them while the API server is read-only sees no renewals,
      // and would count every host as down when it starts to lead. A new watch gives each agent a whole lease duration
      // to renew.
      await leaseInformer.start(signal).synced(signal)
      const stopExpiry = startInterval(clock, EXPIRY_MS, () => {
        for (const network of expireUnseen(services, clock, log)) channels.notify(addressFreed, network)
      })
      const stopMetrics = exposeControllerMetrics(metrics, { ...services, stores })
      try {
        await runControllers(withConfiguredConcurrency(options), { kube, log, stores, channels, services }, signal)
      } finally {
        stopExpiry()
        stopMetrics()
        services.hosts[Symbol.dispose]()
        await services.events[Symbol.asyncDispose]()
      }
    },
  }
}

const withConfiguredConcurrency = ({ concurrency }: ControllerOptions): readonly Declared<Services>[] =>
  controllers.map((declared) => (declared === serverController ? { ...serverController, concurrency } : declared))
