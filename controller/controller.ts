/** The controller without its process: what main runs, and what tests and the simulator run. */

import type { Hypervisor } from '../crds/index.ts'
import { type Lease, leases } from '../kube/builtin-kinds.ts'
import type { Kube } from '../kube/client.ts'
import { type Clock, startInterval } from '../kube/clock.ts'
import { type Reconcile, runController } from '../kube/controller.ts'
import { createEventRecorder, type EventRecorder } from '../kube/events.ts'
import { createInformer, type Informer } from '../kube/informer.ts'
import type { Log } from '../kube/log.ts'
import { WorkQueue } from '../kube/queue.ts'
import { reconcileAction } from './action/reconcile.ts'
import { reconcileRecords } from './action/records.ts'
import {
  reconcileAggregate,
  reconcileFlavor,
  reconcileImage,
  reconcileKeyPair,
  reconcileNetwork,
} from './catalogue/reconcile.ts'
import { type Derived, derive, expireClaims } from './derived.ts'
import { LeaseHosts } from './host/hosts.ts'
import { createHostReconciler } from './host/reconcile.ts'
import { HostViews } from './host/views.ts'
import { exposeControllerMetrics } from './metrics.ts'
import { createPortAllocator } from './network/port-allocator.ts'
import { reconcilePort } from './network/port-reconcile.ts'
import type { ControllerOptions } from './options.ts'
import { isLibvirtUnreachable } from './scheduler/host-view.ts'
import { reconcileServer } from './server/reconcile.ts'
import { createStores, lookupOf, type Stores, startStores } from './stores.ts'
import { ageRecords, freed, hostChanged, type Queues, queueNames, refused, wire } from './wiring.ts'

export interface Controller {
  /** Fills the caches. */
  start(signal: AbortSignal): Promise<void>
  /** Reconciles until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
  /** Throws while the caches are not filled. */
  checkReady(): void
}

/** Label of the leases that agents renew. */
export const HOST_LEASE = 'compute.kubenova.io/component=agent'

export function createController(kube: Kube, options: ControllerOptions, log: Log): Controller {
  const { clock } = kube
  const parts = createParts(kube, options, log)
  const { stores, queues, leaseInformer, ledger, allocations, hosts, events } = parts
  const loops = reconcilers(parts, options)
  return {
    checkReady() {
      const late = Object.entries(stores).filter(([, { informer }]) => !informer.hasSynced)
      if (late.length > 0) throw new Error(`waiting for the first list of ${late.map(([name]) => name).join(', ')}`)
    },
    async start(signal) {
      await startStores(stores, signal)
    },
    async run(signal) {
      // Not before: an API server that cannot write takes no heartbeat, and tells those who watch that all is well. To one that only stood by, every
      // host would be dead. Each has its whole time from now on, but those that were said to be down.
      await leaseInformer.start(signal).synced(signal)
      // Not before: whose queues nobody empties would remember every server that there ever was. What is in the caches is told of now.
      wire(stores, queues)
      const stopExpiry = startInterval(clock, 10_000, () => {
        for (const network of expireClaims(parts, clock, log)) freed(network, stores, queues)
      })
      const stopAgeing = startInterval(clock, 3_600_000, () => ageRecords(stores, queues))
      const { metrics } = kube
      const unmeasure = exposeControllerMetrics(metrics, { stores, ledger, allocations, clock })
      try {
        await Promise.all(
          queueNames.map((name) => {
            const { reconcile, concurrency } = loops[name]
            return runController({ name, queue: queues[name], reconcile, concurrency, log, metrics, clock }, signal)
          }),
        )
      } finally {
        stopExpiry()
        stopAgeing()
        unmeasure()
        hosts[Symbol.dispose]()
        await events[Symbol.asyncDispose]()
      }
    },
  }
}

interface Parts extends Derived {
  stores: Stores
  queues: Queues
  leaseInformer: Informer<Lease>
  hosts: LeaseHosts
  views: HostViews
  events: EventRecorder
  clock: Clock
}

function createParts(kube: Kube, { namespace }: ControllerOptions, log: Log): Parts {
  const { metrics, clock } = kube
  const stores = createStores(kube, log)
  const queues = Object.fromEntries(
    queueNames.map((name) => [name, new WorkQueue({ name, metrics, clock })]),
  ) as unknown as Queues
  const leaseOptions = { namespace, labelSelector: HOST_LEASE, log, metrics, clock }
  const leaseInformer = createInformer(kube.resource<Lease>(leases), leaseOptions)
  // Both are looked at: the one that has lost it says so, or is given another.
  const derived = derive(stores, clock, (port) => queues.ports.add(port))
  const hosts = new LeaseHosts({
    hypervisors: stores.hypervisors.cache,
    leases: leaseInformer,
    namespace,
    clock,
    onChange(host) {
      views.markChanged(host)
      hostChanged(host, stores, queues)
    },
  })
  const { ledger } = derived
  const views = new HostViews({
    hypervisors: stores.hypervisors.informer,
    aggregates: stores.aggregates.informer,
    hosts,
    ledger,
  })
  stores.hypervisors.informer.on({
    added: ({ metadata }) => hostChanged(metadata.name, stores, queues),
    updated: (old, { metadata, spec, status }) => {
      const matters = (h: Pick<Hypervisor, 'spec' | 'status'>): string =>
        JSON.stringify([h.spec, h.status?.capacity, isLibvirtUnreachable(h)])
      if (matters({ spec, ...(status ? { status } : {}) }) !== matters(old)) hostChanged(metadata.name, stores, queues)
    },
    deleted: ({ metadata }) => hostChanged(metadata.name, stores, queues),
  })
  const events = createEventRecorder({ kube, controller: 'kubenova.io/controller', log })
  return { stores, queues, leaseInformer, ...derived, hosts, views, events, clock }
}

type Loops = Record<(typeof queueNames)[number], { reconcile: Reconcile; concurrency: number }>

function reconcilers(parts: Parts, options: ControllerOptions): Loops {
  const { stores, queues, ledger, allocations, hosts, views, events, clock } = parts
  const now = (): string => clock.wall().toISOString()
  const portAllocator = createPortAllocator(stores, allocations, clock)
  const lookup = lookupOf(stores)
  const onRoom = (): void => refused(stores, queues)
  const serverDeps = { stores, hosts, lookup, views, ledger, portAllocator, events, clock, onRoom }
  const catalogue = { stores, now }
  const host = createHostReconciler({ stores, hosts, ledger, clock, everyMs: options.hostStatusSeconds * 1000 })
  const retention = { count: options.recordCount, maxAgeMs: options.recordMaxAgeHours * 3_600_000 }
  return {
    servers: {
      reconcile: (key, { attempt }) => reconcileServer(key, serverDeps, attempt),
      concurrency: options.concurrency,
    },
    actions: { reconcile: (key) => reconcileAction(key, { stores, now }), concurrency: 4 },
    records: { reconcile: (key) => reconcileRecords(key, stores, retention, clock.wall().getTime()), concurrency: 2 },
    ports: {
      reconcile: (key, { attempt }) => reconcilePort(key, { stores, allocations, clock }, attempt),
      concurrency: 4,
    },
    hosts: { reconcile: host, concurrency: 2 },
    flavors: { reconcile: (key) => reconcileFlavor(key, catalogue), concurrency: 1 },
    images: { reconcile: (key) => reconcileImage(key, catalogue), concurrency: 1 },
    keyPairs: { reconcile: (key) => reconcileKeyPair(key, catalogue), concurrency: 1 },
    networks: { reconcile: (key) => reconcileNetwork(key, catalogue), concurrency: 1 },
    aggregates: { reconcile: (key) => reconcileAggregate(key, catalogue), concurrency: 1 },
  }
}
