import { type Lease, secrets } from '../kube/builtin-kinds.ts'
import type { Channels } from '../kube/channel.ts'
import type { Kube } from '../kube/client.ts'
import type { Clock } from '../kube/clock.ts'
import { createEventRecorder, type EventRecorder } from '../kube/events.ts'
import type { Informer } from '../kube/informer.ts'
import type { Log } from '../kube/log.ts'
import { hostLivenessChanged } from './channels.ts'
import { type Hosts, LeaseHosts } from './host/hosts.ts'
import { HostViews } from './host/views.ts'
import { createPortAllocator, type PortAllocator } from './network/port-allocator.ts'
import type { ControllerOptions } from './options.ts'
import type { SecretReader } from './read-secret.ts'
import type { Stores } from './stores.ts'
import { followUsage, type Usage } from './usage.ts'

export interface Services extends Usage {
  hosts: Hosts & Disposable
  views: HostViews
  portAllocator: PortAllocator
  /** When the controller last wrote the status of each Hypervisor, in monotonic milliseconds, by name. */
  hostStatusWrites: Map<string, number>
  events: EventRecorder
  secrets: SecretReader
  channels: Channels
  clock: Clock
  options: ControllerOptions
}

export interface ServicesContext {
  kube: Kube
  /** Started only when this process has become the leader. */
  leases: Informer<Lease>
  channels: Channels
  options: ControllerOptions
  log: Log
}

/** To be called before the stores start, because the services listen to their events. */
export function createServices(stores: Stores, { kube, leases, channels, options, log }: ServicesContext): Services {
  const { clock } = kube
  const usage = followUsage(stores, clock, channels)
  const { hypervisors, aggregates } = stores
  const hosts = new LeaseHosts({
    hypervisors: hypervisors.cache,
    leases,
    namespace: options.namespace,
    clock,
    onChange(host) {
      views.markChanged(host)
      channels.notify(hostLivenessChanged, host)
    },
  })
  const views = new HostViews({
    hypervisors: hypervisors.informer,
    aggregates: aggregates.informer,
    hosts,
    ledger: usage.ledger,
  })
  return {
    ...usage,
    hosts,
    views,
    portAllocator: createPortAllocator(stores, usage.allocations, clock),
    hostStatusWrites: new Map(),
    events: createEventRecorder({ kube, controller: 'kubenova.io/controller', log }),
    secrets: kube.resource(secrets),
    channels,
    clock,
    options,
  }
}
