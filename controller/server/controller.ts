/**
 * The controller of Servers places those without a host, so it watches everything that such a Server may be waiting
 * for.
 */
import { findCondition, type Server } from '../../crds/index.ts'
import { defineController } from '../../kube/controller.ts'
import { type Log, noLog } from '../../kube/log.ts'
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
import { networkKeyOf } from '../network/references.ts'
import { watchAddressRelease, watchOverlaps } from '../network/watch.ts'
import type { Services } from '../services.ts'
import {
  actions,
  aggregates,
  flavors,
  hostSecrets,
  hypervisors,
  images,
  keyPairs,
  networks,
  ports,
  type Stores,
  servers,
} from '../stores.ts'
import { createLookup, type LookupStores } from './lookup.ts'
import { reconcileServer, type ServerDeps } from './reconcile.ts'

type ServerStores = Pick<Stores, 'servers'>
type NetworkedStores = Pick<Stores, 'servers' | 'ports'>

/**
 * Finds the Servers that name an object, such as a Flavor, and have no host.
 * @param index finds Servers by the key of the object that they name
 */
const serversWaitingFor =
  (index: typeof serversByFlavor) =>
  ({ metadata }: KubeObject, { servers: { cache } }: ServerStores): string[] =>
    keysOfUnscheduledServers(index, keyOf(metadata), cache)

const keysOfUnscheduledServers = (
  index: typeof serversByFlavor,
  value: string,
  cache: Stores['servers']['cache'],
): string[] => keysOf(cache.byIndex(index, value).filter(({ status }) => status?.host === undefined))

function serversWaitingForNetwork({ metadata }: KubeObject, { servers: { cache }, ports }: NetworkedStores): string[] {
  const key = keyOf(metadata)
  const viaPorts = ports.cache
    .byIndex(portsByNetwork, key)
    .flatMap((port) => keysOfUnscheduledServers(serversByPort, keyOf(port.metadata), cache))
  return [...keysOfUnscheduledServers(serversByNetwork, key, cache), ...viaPorts]
}

const serversWaitingForAddress = (network: string, { servers: { cache } }: ServerStores): string[] =>
  keysOfUnscheduledServers(serversByNetwork, network, cache)

const unscheduledKeys = (stores: ServerStores): string[] => keysOf(unscheduledServers(stores))

/** Only Servers for which no host had room; those without a host for another reason are left out. */
const keysWithoutValidHost = (stores: ServerStores): string[] =>
  keysOf(
    unscheduledServers(stores).filter(
      ({ status }) => findCondition(status?.conditions, 'Scheduled')?.reason === 'NoValidHost',
    ),
  )

/** If this Server has just got its host: keys of the unscheduled Servers whose scheduler hints name this Server. */
function unscheduledKeysHintingAt(
  old: Server,
  { metadata: { namespace, name }, status }: Server,
  stores: ServerStores,
): string[] {
  if (old.status?.host !== undefined || status?.host === undefined) return []
  const isHinting = ({ metadata, spec: { schedulerHints = {} } }: Server): boolean =>
    metadata.namespace === namespace &&
    [...(schedulerHints.sameHost ?? []), ...(schedulerHints.differentHost ?? [])].includes(name)
  return keysOf(unscheduledServers(stores).filter(isHinting))
}

/**
 * If this Server has just left its host, all Servers without a host are tried again, because the host has more room.
 */
const unscheduledKeysWhenHostLeft = (old: Server, now: Server, stores: ServerStores): string[] =>
  old.status?.host !== undefined && old.status.host !== now.status?.host ? unscheduledKeys(stores) : []

/**
 * Milliseconds after which Servers that found no room are tried again when a placement was given up. The delay slows
 * down a loop of placements that are given up.
 */
const ROOM_MS = 1000

const namedObject = 'A Server that is not placed yet waits for what its spec names.'
const freedAddress = 'A Server may wait for an address of that Network.'
const roomOnHost = 'A Server that is not placed yet may find room.'

export const serverController = defineController({
  name: 'servers',
  for: servers,
  stores: { servers, actions, flavors, images, keyPairs, networks, ports, aggregates, hypervisors, hostSecrets },
  concurrency: 16,
  watches: [
    watch(flavors, { map: serversWaitingFor(serversByFlavor), priority: 'normal', because: namedObject }),
    watch(images, { map: serversWaitingFor(serversByImage), priority: 'normal', because: namedObject }),
    watch(keyPairs, { map: serversWaitingFor(serversByKeyPair), priority: 'normal', because: namedObject }),
    watch(ports, { map: serversWaitingFor(serversByPort), priority: 'normal', because: namedObject }),
    watch(networks, { map: serversWaitingForNetwork, priority: 'normal', because: namedObject }),
    watchOverlaps(serversWaitingForNetwork, {
      priority: 'normal',
      because: 'If subnets overlap on a bridge, only the oldest Network is usable: Servers wait for the others.',
    }),
    watch(aggregates, {
      map: (_, stores: ServerStores) => unscheduledKeys(stores),
      priority: 'low',
      because: 'Aggregates decide which hosts a Server may have.',
    }),
    watch(servers, {
      updated: unscheduledKeysHintingAt,
      priority: 'normal',
      because: 'A Server whose scheduler hints name another waits until that one is placed.',
    }),
    watch(servers, {
      updated: unscheduledKeysWhenHostLeft,
      deleted: (_, stores) => unscheduledKeys(stores),
      priority: 'low',
      because: `A Server that leaves its host leaves room. ${roomOnHost}`,
    }),
    ...watchHosts((host, { servers: { cache } }: ServerStores) => keysOf(cache.byIndex(serversByHost, host)), {
      priority: 'normal',
      because: 'The Servers on a host report whether it is reachable.',
    }),
    ...watchHosts((_, stores: ServerStores) => unscheduledKeys(stores), {
      priority: 'low',
      because: `A host that comes up, or whose capacity or rights change, may have room. ${roomOnHost}`,
    }),
    watch(hostSecrets, {
      deleted: ({ metadata }) => [keyOf(metadata)],
      priority: 'normal',
      because: 'A HostSecret that is deleted too early is made again.',
    }),
    watchChannel(roomFreed, {
      map: (_, stores: ServerStores) => keysWithoutValidHost(stores),
      priority: 'low',
      after: ROOM_MS,
      because: 'A placement that was given up leaves room for a Server that found no host with room.',
    }),
    watchAddressRelease(serversWaitingForAddress, {
      priority: 'low',
      because: `A VM keeps its addresses until it is gone, even if its Ports were deleted earlier. ${freedAddress}`,
    }),
    watch(ports, {
      deleted: (port, stores: ServerStores) => serversWaitingForAddress(networkKeyOf(port), stores),
      priority: 'low',
      because: `A deleted Port frees its addresses. ${freedAddress}`,
    }),
    watchChannel(addressFreed, {
      map: serversWaitingForAddress,
      priority: 'low',
      because: `An address that was allocated, and whose Port was never seen, is free again. ${freedAddress}`,
    }),
  ],
  reconcile: (key, { stores, attempt, log }, services: ServerServices) =>
    reconcileServer(key, serverDeps(stores, services, log), attempt),
})

export const serverDeps = (
  stores: LookupStores & Pick<Stores, 'actions' | 'hostSecrets' | 'hypervisors'>,
  services: ServerServices,
  log: Log = noLog,
): ServerDeps => ({
  ...services,
  stores,
  log,
  lookup: createLookup(stores, services.allocations),
  onClaimDropped: () => services.channels.notify(roomFreed, undefined),
})

type ServerServices = Pick<
  Services,
  'allocations' | 'hosts' | 'views' | 'ledger' | 'portAllocator' | 'events' | 'secrets' | 'clock' | 'channels'
>
