/** The controller of Servers: places them, and follows what they wait for. */
import { findCondition, type Server } from '../../crds/index.ts'
import { defineController } from '../../kube/controller.ts'
import { type KubeObject, keyOf, keysOf } from '../../kube/types.ts'
import { watch, watchChannel } from '../../kube/watch.ts'
import { addressFreed, roomFreed } from '../channels.ts'
import { watchHosts } from '../host/watch.ts'
import {
  portsByNetwork,
  serversByFlavor,
  serversByHost,
  serversByImage,
  serversByKeyPair,
  serversByNetwork,
  serversByPort,
  unscheduledServers,
} from '../indexes.ts'
import { networkOf } from '../network/references.ts'
import { watchAddressRelease, watchOverlaps } from '../network/watch.ts'
import type { Services } from '../services.ts'
import {
  actions,
  aggregates,
  flavors,
  hypervisors,
  images,
  keyPairs,
  networks,
  ports,
  type Stores,
  servers,
} from '../stores.ts'
import { type LookupStores, lookupIn } from './lookup.ts'
import { reconcileServer, type ServerDeps } from './reconcile.ts'

type ServerStores = Pick<Stores, 'servers'>
type NetworkedStores = Pick<Stores, 'servers' | 'ports'>

/** The Servers without a host that an index has under the key of an object that they name. */
const waitingFor =
  (index: typeof serversByFlavor) =>
  ({ metadata }: KubeObject, { servers: { cache } }: ServerStores): string[] =>
    waitingUnder(index, keyOf(metadata), cache)

const waitingUnder = (index: typeof serversByFlavor, value: string, cache: Stores['servers']['cache']): string[] =>
  keysOf(cache.byIndex(index, value).filter(({ status }) => status?.host === undefined))

/** The Servers without a host that name a Network, or a Port of it: what is true of the Network decides about both. */
function waitingForNetwork({ metadata }: KubeObject, { servers: { cache }, ports }: NetworkedStores): string[] {
  const key = keyOf(metadata)
  const viaPorts = ports.cache
    .byIndex(portsByNetwork, key)
    .flatMap((port) => waitingUnder(serversByPort, keyOf(port.metadata), cache))
  return [...waitingUnder(serversByNetwork, key, cache), ...viaPorts]
}

/** The Servers without a host that want an address of a Network. */
const waitingForAddress = (network: string, { servers: { cache } }: ServerStores): string[] =>
  waitingUnder(serversByNetwork, network, cache)

const unscheduled = (stores: ServerStores): string[] => keysOf(unscheduledServers(stores))

/** The Servers that have been told that no host has room; not those that wait for something else. */
const withoutValidHost = (stores: ServerStores): string[] =>
  keysOf(
    unscheduledServers(stores).filter(
      ({ status }) => findCondition(status?.conditions, 'Scheduled')?.reason === 'NoValidHost',
    ),
  )

/** The Servers without a host whose scheduler hints name a Server that has just been placed. */
function hintingAt(old: Server, { metadata: { namespace, name }, status }: Server, stores: ServerStores): string[] {
  if (old.status?.host !== undefined || status?.host === undefined) return []
  const isHinting = ({ metadata, spec: { schedulerHints = {} } }: Server): boolean =>
    metadata.namespace === namespace &&
    [...(schedulerHints.sameHost ?? []), ...(schedulerHints.differentHost ?? [])].includes(name)
  return keysOf(unscheduledServers(stores).filter(isHinting))
}

/** All Servers without a host, when another leaves its host. */
const unscheduledWhenLeft = (old: Server, now: Server, stores: ServerStores): string[] =>
  old.status?.host !== undefined && old.status.host !== now.status?.host ? unscheduled(stores) : []

/** Placements that are given up wake each other, for each of them may give one up again: no quicker than this. */
const ROOM_MS = 1000

const namedObject = 'A Server that is not placed yet waits for what its spec names.'
const freedAddress = 'A Server may wait for an address of that Network.'
const roomOnHost = 'A Server that is not placed yet may find room.'

export const serverController = defineController({
  name: 'servers',
  for: servers,
  stores: { servers, actions, flavors, images, keyPairs, networks, ports, aggregates, hypervisors },
  concurrency: 16,
  watches: [
    watch(flavors, { map: waitingFor(serversByFlavor), priority: 'normal', because: namedObject }),
    watch(images, { map: waitingFor(serversByImage), priority: 'normal', because: namedObject }),
    watch(keyPairs, { map: waitingFor(serversByKeyPair), priority: 'normal', because: namedObject }),
    watch(ports, { map: waitingFor(serversByPort), priority: 'normal', because: namedObject }),
    watch(networks, { map: waitingForNetwork, priority: 'normal', because: namedObject }),
    watchOverlaps(waitingForNetwork, {
      priority: 'normal',
      because: 'If subnets overlap on a bridge, only the oldest Network is usable: Servers wait for the others.',
    }),
    watch(aggregates, {
      map: (_, stores: ServerStores) => unscheduled(stores),
      priority: 'low',
      because: 'Aggregates decide which hosts a Server may have.',
    }),
    watch(servers, {
      updated: hintingAt,
      priority: 'normal',
      because: 'A Server whose scheduler hints name another waits until that one is placed.',
    }),
    watch(servers, {
      updated: unscheduledWhenLeft,
      deleted: (_, stores) => unscheduled(stores),
      priority: 'low',
      because: `A Server that leaves its host leaves room. ${roomOnHost}`,
    }),
    ...watchHosts((host, { servers: { cache } }: ServerStores) => keysOf(cache.byIndex(serversByHost, host)), {
      priority: 'normal',
      because: 'The Servers on a host say whether it is reachable.',
    }),
    ...watchHosts((_, stores: ServerStores) => unscheduled(stores), {
      priority: 'low',
      because: `A host that comes up, or whose capacity or rights change, may have room. ${roomOnHost}`,
    }),
    watchChannel(roomFreed, {
      map: (_, stores: ServerStores) => withoutValidHost(stores),
      priority: 'low',
      after: ROOM_MS,
      because: 'A placement that was given up leaves room for a Server that was told that no host has any.',
    }),
    watchAddressRelease(waitingForAddress, {
      priority: 'low',
      because: `A VM keeps its addresses until it is gone, even if its Ports were deleted earlier. ${freedAddress}`,
    }),
    watch(ports, {
      deleted: (port, stores: ServerStores) => waitingForAddress(networkOf(port), stores),
      priority: 'low',
      because: `A deleted Port frees its addresses. ${freedAddress}`,
    }),
    watchChannel(addressFreed, {
      map: waitingForAddress,
      priority: 'low',
      because: `An address that was allocated, and whose Port was never seen, is free again. ${freedAddress}`,
    }),
  ],
  reconcile: (key, { stores, attempt }, services: ServerServices) =>
    reconcileServer(key, serverDeps(stores, services), attempt),
})

/** What a reconcile of a Server asks and writes. */
export const serverDeps = (stores: LookupStores & Pick<Stores, 'actions'>, services: ServerServices): ServerDeps => ({
  ...services,
  stores,
  lookup: lookupIn(stores),
  onRoom: () => services.channels.notify(roomFreed, undefined),
})

type ServerServices = Pick<Services, 'hosts' | 'views' | 'ledger' | 'portAllocator' | 'events' | 'clock' | 'channels'>
