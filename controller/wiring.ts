/** Which change brings which keys back: the edges between the caches and the queues, as a list. */
import { condition, type Network, type Server, type ServerAction } from '../crds/index.ts'
import { enqueueOnChange } from '../kube/enqueue.ts'
import type { Informer } from '../kube/informer.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Priority } from '../kube/ready-list.ts'
import { type KubeObject, keyOf } from '../kube/types.ts'
import { isEnded } from './action/phase.ts'
import { findOverlappingSubnet } from './network/network-problems.ts'
import { portsOf } from './network/port-reconcile.ts'
import { addressesInUseBy, networkOf } from './network/references.ts'
import { BY_HOST, BY_NETWORK, BY_REFERENCE, onBridgeOf, refKey, type Stores } from './stores.ts'

/** A queue for each reconciler. */
export const queueNames = [
  'servers',
  'actions',
  'records',
  'ports',
  'hosts',
  'flavors',
  'images',
  'keyPairs',
  'networks',
  'aggregates',
] as const

export type Queues = Record<(typeof queueNames)[number], WorkQueue>

/** Figures in status (what is used of hosts and networks) may be this old; else each server would cost a write more. */
const FIGURES_MS = 5000

function each<T extends KubeObject>(informer: Informer<T>, add: (object: T, priority: Priority) => void): void {
  informer.on({
    added: (object, { initial }) => add(object, initial ? 'low' : 'normal'),
    updated: (_, object) => add(object, 'normal'),
    deleted: (object) => add(object, 'normal'),
  })
}

export function wire(stores: Stores, queues: Queues): void {
  enqueueOnChange(stores.servers.informer, queues.servers)
  enqueueOnChange(stores.ports.informer, queues.ports)
  enqueueOnChange(stores.hypervisors.informer, queues.hosts)
  enqueueOnChange(stores.flavors.informer, queues.flavors)
  enqueueOnChange(stores.images.informer, queues.images)
  enqueueOnChange(stores.keyPairs.informer, queues.keyPairs)
  enqueueOnChange(stores.networks.informer, queues.networks)
  enqueueOnChange(stores.aggregates.informer, queues.aggregates)
  actions(stores, queues)
  servers(stores, queues)
  leaving(stores, queues)
  waiting(stores, queues)
  neighbours(stores, queues)
}

const serverOf = ({ metadata, spec }: ServerAction): string =>
  keyOf({ namespace: metadata.namespace, name: spec.server })

/** Records grow old without any event. */
export function ageRecords(stores: Stores, queues: Queues): void {
  for (const action of stores.actions.cache.values()) queues.records.add(serverOf(action), { priority: 'low' })
}

function actions(stores: Stores, queues: Queues): void {
  each(stores.actions.informer, (action, priority) => {
    if (!isEnded(action)) queues.actions.add(keyOf(action.metadata), { priority: 'high' })
    queues.records.add(serverOf(action), { priority, after: FIGURES_MS })
  })
}

/** What follows a server: its ports, its host's figures. */
function servers(stores: Stores, queues: Queues): void {
  each(stores.servers.informer, (server) => {
    for (const key of portsOf(server)) queues.ports.add(key)
    const host = server.status?.host
    if (host !== undefined) queues.hosts.add(host, { after: FIGURES_MS })
  })
  // One that was made for a server that is gone by now, or shows only after its end, is not looked at by anything else.
  each(stores.ports.informer, ({ metadata, spec }, priority) => {
    const key = keyOf({ namespace: metadata.namespace, name: spec.server ?? '' })
    const uid = stores.servers.cache.get(key)?.metadata.uid
    const isOrphan = spec.server !== undefined && !metadata.ownerReferences?.some((owner) => owner.uid === uid)
    if (isOrphan) queues.records.add(key, { priority, after: FIGURES_MS })
  })
  stores.servers.informer.on({
    updated(old, now) {
      if (old.status?.host === now.status?.host) return
      // The deed under way, if there is one, names the host.
      const deed = now.status?.activeAction?.name
      if (deed !== undefined)
        queues.actions.add(keyOf({ namespace: now.metadata.namespace, name: deed }), { priority: 'high' })
      if (old.status?.host === undefined) hinting(now, stores, queues)
      else homeless(stores, queues)
    },
    // It leaves room.
    deleted: () => homeless(stores, queues),
  })
}

/** A guest had its addresses to its end: who waits for one was not woken by the end of its ports. */
function leaving(stores: Stores, queues: Queues): void {
  const left = (server: Server): void => {
    for (const { network } of addressesInUseBy(server)) freed(network, stores, queues)
  }
  stores.servers.informer.on({
    updated(old, now) {
      if (old.status?.instance && !now.status?.instance) left(old)
    },
    deleted: left,
  })
}

/** Servers that wait for this one to have a host. */
function hinting({ metadata: { namespace, name } }: Server, stores: Stores, queues: Queues): void {
  for (const { metadata, spec } of stores.servers.cache.byIndex(BY_HOST, NO_HOST)) {
    const { sameHost = [], differentHost = [] } = spec.schedulerHints ?? {}
    if (metadata.namespace === namespace && [...sameHost, ...differentHost].includes(name))
      queues.servers.add(keyOf(metadata))
  }
}

/** Servers that wait for an object, or for a host, come back when it changes. */
function waiting(stores: Stores, queues: Queues): void {
  const again = (kind: string) => (object: KubeObject) => {
    for (const { metadata, status } of stores.servers.cache.byIndex(BY_REFERENCE, refKey(kind, object.metadata)))
      if (status?.host === undefined) queues.servers.add(keyOf(metadata))
  }
  each(stores.flavors.informer, again('Flavor'))
  each(stores.images.informer, again('Image'))
  each(stores.keyPairs.informer, again('KeyPair'))
  each(stores.ports.informer, again('Port'))
  each(stores.aggregates.informer, () => homeless(stores, queues))
  const againOfNetwork = (network: Network): void => {
    again('Network')(network)
    for (const port of stores.ports.cache.byIndex(BY_NETWORK, keyOf(network.metadata))) {
      queues.ports.add(keyOf(port.metadata), { priority: 'low' })
      // What is said of a server that names a port is said of the port's network, too.
      again('Port')(port)
    }
  }
  each(stores.networks.informer, againOfNetwork)
  overlaps(stores, (network) => {
    queues.networks.add(keyOf(network.metadata))
    againOfNetwork(network)
  })
}

/** Of two whose subnets overlap on a bridge the younger is not used until the older goes: what was true of it may be no more. */
function overlaps(stores: Stores, again: (network: Network) => void): void {
  const beside = (network: Network): void => {
    for (const other of onBridgeOf(network, stores))
      if (other.metadata.uid !== network.metadata.uid && findOverlappingSubnet(other, network) !== undefined)
        again(other)
  }
  stores.networks.informer.on({
    // Of all that is there at the start each has its turn anyway.
    added: (network, { initial }) => initial || beside(network),
    updated: (old, now) => old.spec.subnets.length === now.spec.subnets.length || beside(now),
    deleted: beside,
  })
}

/** What is said of one object and depends on others of its kind, or on what uses it. */
function neighbours(stores: Stores, queues: Queues): void {
  const { aggregates, hypervisors, networks, ports } = stores
  const allAggregates = (): void => {
    for (const { metadata } of aggregates.cache.values()) queues.aggregates.add(keyOf(metadata))
  }
  each(aggregates.informer, allAggregates)
  hypervisors.informer.on({ added: allAggregates, deleted: allAggregates })
  ports.informer.on({
    deleted(port) {
      const network = networkOf(port)
      if (networks.cache.get(network)?.metadata.deletionTimestamp) queues.networks.add(network)
      freed(network, stores, queues)
    },
  })
}

/** An address and a MAC are free, for who waits for one: ports of users, and servers that have no host yet. */
export function freed(network: string, { networks, ports, servers: { cache: servers } }: Stores, queues: Queues): void {
  for (const { metadata, spec, status } of ports.cache.byIndex(BY_NETWORK, network))
    if (spec.server === undefined && status?.fixedIPs === undefined) queues.ports.add(keyOf(metadata))
  const { metadata: of } = networks.cache.get(network) ?? {}
  for (const { metadata, status } of of ? servers.byIndex(BY_REFERENCE, refKey('Network', of)) : [])
    if (status?.host === undefined) queues.servers.add(keyOf(metadata), { priority: 'low' })
}

/** A host went up or down, or has room again: servers on it are told, servers without one are placed. */
export function hostChanged(host: string, stores: Stores, queues: Queues): void {
  queues.hosts.add(host, { priority: 'high' })
  for (const { metadata } of stores.servers.cache.byIndex(BY_HOST, host)) queues.servers.add(keyOf(metadata))
  homeless(stores, queues)
}

export function homeless(stores: Stores, queues: Queues): void {
  for (const { metadata } of stores.servers.cache.byIndex(BY_HOST, NO_HOST))
    queues.servers.add(keyOf(metadata), { priority: 'low' })
}

/** They wake each other, as each of them may take a claim back: no quicker than this. */
const ROOM_MS = 1000

/** Servers that were told that no host has room; not those that wait for something else. */
export function refused(stores: Stores, queues: Queues): void {
  for (const { metadata, status } of stores.servers.cache.byIndex(BY_HOST, NO_HOST))
    if (condition(status?.conditions, 'Scheduled')?.reason === 'NoValidHost')
      queues.servers.add(keyOf(metadata), { priority: 'low', after: ROOM_MS })
}

/** Key of the index for servers that have no host. */
export const NO_HOST = ''
