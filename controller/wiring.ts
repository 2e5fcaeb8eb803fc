/** Which change brings which keys back: the edges between the caches and the queues, as a list. */
import { condition, type Network, type Server, type ServerAction } from '../crds/index.ts'
import { enqueueOnChange } from '../kube/enqueue.ts'
import type { Informer } from '../kube/informer.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Priority } from '../kube/ready-list.ts'
import { type KubeObject, keyOf } from '../kube/types.ts'
import { isEnded } from './action/reconcile.ts'
import { lodgingsOf, networkOf } from './network/holders.ts'
import { portsOf } from './network/port-reconcile.ts'
import { overlapping } from './network/subnet-overlap.ts'
import { BY_HOST, BY_NETWORK, BY_REFERENCE, onBridgeOf, refKey, type World } from './world.ts'

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

export function wire(world: World, queues: Queues): void {
  enqueueOnChange(world.servers.informer, queues.servers)
  enqueueOnChange(world.ports.informer, queues.ports)
  enqueueOnChange(world.hypervisors.informer, queues.hosts)
  enqueueOnChange(world.flavors.informer, queues.flavors)
  enqueueOnChange(world.images.informer, queues.images)
  enqueueOnChange(world.keyPairs.informer, queues.keyPairs)
  enqueueOnChange(world.networks.informer, queues.networks)
  enqueueOnChange(world.aggregates.informer, queues.aggregates)
  actions(world, queues)
  servers(world, queues)
  leaving(world, queues)
  waiting(world, queues)
  neighbours(world, queues)
}

const serverOf = ({ metadata, spec }: ServerAction): string =>
  keyOf({ namespace: metadata.namespace, name: spec.server })

/** Records grow old without any event. */
export function ageRecords(world: World, queues: Queues): void {
  for (const action of world.actions.all.values()) queues.records.add(serverOf(action), { priority: 'low' })
}

function actions(world: World, queues: Queues): void {
  each(world.actions.informer, (action, priority) => {
    if (!isEnded(action)) queues.actions.add(keyOf(action.metadata), { priority: 'high' })
    queues.records.add(serverOf(action), { priority, after: FIGURES_MS })
  })
}

/** What follows a server: its ports, its host's figures. */
function servers(world: World, queues: Queues): void {
  each(world.servers.informer, (server) => {
    for (const key of portsOf(server)) queues.ports.add(key)
    const host = server.status?.host
    if (host !== undefined) queues.hosts.add(host, { after: FIGURES_MS })
  })
  // One that was made for a server that is gone by now, or shows only after its end, is not looked at by anything else.
  each(world.ports.informer, ({ metadata, spec }, priority) => {
    const key = keyOf({ namespace: metadata.namespace, name: spec.server ?? '' })
    const uid = world.servers.all.get(key)?.metadata.uid
    const isOrphan = spec.server !== undefined && !metadata.ownerReferences?.some((owner) => owner.uid === uid)
    if (isOrphan) queues.records.add(key, { priority, after: FIGURES_MS })
  })
  world.servers.informer.on({
    updated(old, now) {
      if (old.status?.host === now.status?.host) return
      // The deed under way, if there is one, names the host.
      const deed = now.status?.activeAction?.name
      if (deed !== undefined)
        queues.actions.add(keyOf({ namespace: now.metadata.namespace, name: deed }), { priority: 'high' })
      if (old.status?.host === undefined) hinting(now, world, queues)
      else homeless(world, queues)
    },
    // It leaves room.
    deleted: () => homeless(world, queues),
  })
}

/** A guest had its addresses to its end: who waits for one was not woken by the end of its ports. */
function leaving(world: World, queues: Queues): void {
  const left = (server: Server): void => {
    for (const { network } of lodgingsOf(server)) freed(network, world, queues)
  }
  world.servers.informer.on({
    updated(old, now) {
      if (old.status?.instance && !now.status?.instance) left(old)
    },
    deleted: left,
  })
}

/** Servers that wait for this one to have a host. */
function hinting({ metadata: { namespace, name } }: Server, world: World, queues: Queues): void {
  for (const { metadata, spec } of world.servers.all.byIndex(BY_HOST, NO_HOST)) {
    const { sameHost = [], differentHost = [] } = spec.schedulerHints ?? {}
    if (metadata.namespace === namespace && [...sameHost, ...differentHost].includes(name))
      queues.servers.add(keyOf(metadata))
  }
}

/** Servers that wait for an object, or for a host, come back when it changes. */
function waiting(world: World, queues: Queues): void {
  const again = (kind: string) => (object: KubeObject) => {
    for (const { metadata, status } of world.servers.all.byIndex(BY_REFERENCE, refKey(kind, object.metadata)))
      if (status?.host === undefined) queues.servers.add(keyOf(metadata))
  }
  each(world.flavors.informer, again('Flavor'))
  each(world.images.informer, again('Image'))
  each(world.keyPairs.informer, again('KeyPair'))
  each(world.ports.informer, again('Port'))
  each(world.aggregates.informer, () => homeless(world, queues))
  const againOfNetwork = (network: Network): void => {
    again('Network')(network)
    for (const port of world.ports.all.byIndex(BY_NETWORK, keyOf(network.metadata))) {
      queues.ports.add(keyOf(port.metadata), { priority: 'low' })
      // What is said of a server that names a port is said of the port's network, too.
      again('Port')(port)
    }
  }
  each(world.networks.informer, againOfNetwork)
  overlaps(world, (network) => {
    queues.networks.add(keyOf(network.metadata))
    againOfNetwork(network)
  })
}

/** Of two whose subnets overlap on a bridge the younger is not used until the older goes: what was true of it may be no more. */
function overlaps(world: World, again: (network: Network) => void): void {
  const beside = (network: Network): void => {
    for (const other of onBridgeOf(network, world))
      if (other.metadata.uid !== network.metadata.uid && overlapping(other, network) !== undefined) again(other)
  }
  world.networks.informer.on({
    // Of all that is there at the start each has its turn anyway.
    added: (network, { initial }) => initial || beside(network),
    updated: (old, now) => old.spec.subnets.length === now.spec.subnets.length || beside(now),
    deleted: beside,
  })
}

/** What is said of one object and depends on others of its kind, or on what uses it. */
function neighbours(world: World, queues: Queues): void {
  const { aggregates, hypervisors, networks, ports } = world
  const allAggregates = (): void => {
    for (const { metadata } of aggregates.all.values()) queues.aggregates.add(keyOf(metadata))
  }
  each(aggregates.informer, allAggregates)
  hypervisors.informer.on({ added: allAggregates, deleted: allAggregates })
  ports.informer.on({
    deleted(port) {
      const network = networkOf(port)
      if (networks.all.get(network)?.metadata.deletionTimestamp) queues.networks.add(network)
      freed(network, world, queues)
    },
  })
}

/** An address and a MAC are free, for who waits for one: ports of users, and servers that have no host yet. */
export function freed(network: string, { networks, ports, servers: { all } }: World, queues: Queues): void {
  for (const { metadata, spec, status } of ports.all.byIndex(BY_NETWORK, network))
    if (spec.server === undefined && status?.fixedIPs === undefined) queues.ports.add(keyOf(metadata))
  const { metadata: of } = networks.all.get(network) ?? {}
  for (const { metadata, status } of of ? all.byIndex(BY_REFERENCE, refKey('Network', of)) : [])
    if (status?.host === undefined) queues.servers.add(keyOf(metadata), { priority: 'low' })
}

/** A host went up or down, or has room again: servers on it are told, servers without one are placed. */
export function hostChanged(host: string, world: World, queues: Queues): void {
  queues.hosts.add(host, { priority: 'high' })
  for (const { metadata } of world.servers.all.byIndex(BY_HOST, host)) queues.servers.add(keyOf(metadata))
  homeless(world, queues)
}

export function homeless(world: World, queues: Queues): void {
  for (const { metadata } of world.servers.all.byIndex(BY_HOST, NO_HOST))
    queues.servers.add(keyOf(metadata), { priority: 'low' })
}

/** They wake each other, as each of them may take a claim back: no quicker than this. */
const ROOM_MS = 1000

/** Servers that were told that no host has room; not those that wait for something else. */
export function refused(world: World, queues: Queues): void {
  for (const { metadata, status } of world.servers.all.byIndex(BY_HOST, NO_HOST))
    if (condition(status?.conditions, 'Scheduled')?.reason === 'NoValidHost')
      queues.servers.add(keyOf(metadata), { priority: 'low', after: ROOM_MS })
}

/** Key of the index for servers that have no host. */
export const NO_HOST = ''
