/**
 * Provides the Ports for the interfaces of a server that is being placed: Ports that an earlier attempt created, Ports
 * of the user, and new Ports. The name of a new Port contains the Port's first address, and so reserves the address:
 * the API server accepts each name only once (port-name.ts).
 */
import {
  fieldManagerOf,
  type Interface,
  type Network,
  type Port,
  Refused,
  type Server,
  serverOwnerReference,
  Transient,
} from '../../crds/index.ts'
import type { Clock } from '../../kube/clock.ts'
import { ignoreNotFound, isAlreadyExists, isTransient } from '../../kube/errors.ts'
import { keyOf } from '../../kube/types.ts'
import { portsByNetwork, portsByServer, serversByPort } from '../indexes.ts'
import type { Nic } from '../server/resolve.ts'
import type { Stores } from '../stores.ts'
import type { AddressTable } from './address-table.ts'
import type { Allocations } from './allocations.ts'
import { buildInterface } from './interface.ts'
import { parseIP } from './ip.ts'
import { generateMac } from './mac.ts'
import { portNameFor } from './port-name.ts'
import { findPortWithMac, networkKeyOf } from './references.ts'

/**
 * The label of a Port that the controller created for a server: the index of the Port's interface in the server's
 * spec.networks. The controller process may die after it has created the Port and before it has placed the server. The
 * next process then finds the Port by this label.
 */
const NIC_LABEL = 'compute.kubenova.io/nic'
/**
 * An entry expires after this many milliseconds if the cache has not confirmed it. Such an entry is either an address
 * reserved for a new Port, or a user's Port set aside for a server that is being placed.
 */
const RESERVATION_MS = 60_000
/**
 * The most attempts to create a Port. The name of a new Port contains its address. If a Port with that name exists, the
 * next attempt reserves another address. This happens only while the leader changes, when another controller has
 * created a Port with the same address.
 */
const MAX_NAME_ATTEMPTS = 8

export interface PortAllocator {
  /**
   * Returns the interfaces of the server, each with an existing Port. If one interface fails, the Ports created for
   * earlier interfaces stay, and the next attempt finds them.
   * @throws Refused error (the user must change something) or Transient error (retried), such as AddressInUse,
   * NoFreeAddress, PortInUse or PortNotReady
   */
  allocate(server: Server, nics: readonly Nic[]): Promise<Interface[]>
}

type AllocatorStores = Pick<Stores, 'servers' | 'ports'>

interface AllocatorState {
  stores: AllocatorStores
  allocations: Allocations
  clock: Clock
  /**
   * For each user's Port, by key, the server that is about to use the Port. An entry bridges the time until the
   * server's status names the Port; it expires at `until`.
   */
  bindings: Map<string, { uid: string; until: number }>
  /** Ports that were created but that the cache may not show yet, by {@link nicKey}. An entry expires at `until`. */
  recentlyCreated: Map<string, { port: Port; until: number }>
}

export function createPortAllocator(stores: AllocatorStores, allocations: Allocations, clock: Clock): PortAllocator {
  const state: AllocatorState = { stores, allocations, clock, bindings: new Map(), recentlyCreated: new Map() }
  const { recentlyCreated } = state
  // The cache now has the created Port, so the entry in recentlyCreated is no longer needed: the cached Port is at
  // least as new as that entry.
  const forget = ({ metadata }: Port): void => {
    const key = `${metadata.ownerReferences?.[0]?.uid} ${metadata.labels?.[NIC_LABEL]}`
    if (recentlyCreated.get(key)?.port.metadata.uid === metadata.uid) recentlyCreated.delete(key)
  }
  stores.ports.informer.on({ added: forget, deleted: forget })
  return {
    async allocate(server, nics) {
      const interfaces: Interface[] = []
      for (const [index, nic] of nics.entries()) interfaces.push(await allocateInterface(server, nic, index, state))
      return interfaces
    },
  }
}

async function allocateInterface(server: Server, nic: Nic, index: number, state: AllocatorState): Promise<Interface> {
  if (nic.port) {
    // Build the interface before the Port is bound. If the Port cannot be used yet, this throws, and the Port stays
    // unbound.
    const built = buildInterface(nic.network, nic.port, nic.entry.tag)
    bindUserPort(server, nic.port, state)
    return built
  }
  const port = findCreatedPort(server, index, state) ?? (await createPort(server, nic, index, state))
  return buildInterface(nic.network, port, nic.entry.tag)
}

const nicKey = ({ metadata }: Server, index: number): string => `${metadata.uid} ${index}`

/** Whether the Port was created for this interface of this server. */
const isForNic =
  ({ metadata: { uid } }: Server, index: number) =>
  ({ metadata: { labels, ownerReferences } }: Port): boolean =>
    labels?.[NIC_LABEL] === String(index) && ownerReferences?.[0]?.uid === uid

/** The Port that an earlier attempt created for this interface, if any. */
function findCreatedPort(
  server: Server,
  index: number,
  { stores, clock, recentlyCreated }: AllocatorState,
): Port | undefined {
  const cached = stores.ports.cache.byIndex(portsByServer, keyOf(server.metadata)).find(isForNic(server, index))
  for (const [key, { until }] of recentlyCreated) if (until <= clock.now()) recentlyCreated.delete(key)
  return cached ?? recentlyCreated.get(nicKey(server, index))?.port
}

/**
 * Binds a user's Port to the server, so that no other server gets it before this server's status shows that it uses the
 * Port.
 * @throws Transient or Refused error if the Port is not free
 */
function bindUserPort(
  { metadata }: Server,
  port: Port,
  { stores, allocations, clock, bindings }: AllocatorState,
): void {
  const key = keyOf(port.metadata)
  const conflict = allocations.tableOf(networkKeyOf(port)).conflictingOwner(port)
  if (conflict) {
    const message = `Port ${key}: ${conflict.address} is allocated to Port ${conflict.owner.name}`
    throw new Transient('AddressInUse', message)
  }
  const [consumer] = stores.servers.cache
    .byIndex(serversByPort, keyOf(port.metadata))
    .filter((s) => s.metadata.uid !== metadata.uid && s.status?.host !== undefined)
  if (consumer) {
    const message = `Port ${key} is used by Server ${consumer.metadata.name}: make another Port, or delete that server`
    throw new Refused('PortInUse', message)
  }
  const now = clock.now()
  for (const [other, { until }] of bindings) if (until <= now) bindings.delete(other)
  const binding = bindings.get(key)
  if (binding && binding.uid !== metadata.uid)
    throw new Transient('PortInUse', `Port ${key} is about to be used by another server`)
  bindings.set(key, { uid: metadata.uid ?? '', until: now + RESERVATION_MS })
}

async function createPort(
  server: Server,
  { entry, network }: Nic,
  index: number,
  state: AllocatorState,
): Promise<Port> {
  const { stores, allocations, clock, recentlyCreated } = state
  const table = allocations.tableOf(keyOf(network.metadata))
  const key = nicKey(server, index)
  if (entry.macAddress !== undefined) rejectUsedMac(entry.macAddress, network, { stores, recentlyCreated, table })
  for (let attempt = 0; attempt < MAX_NAME_ATTEMPTS; attempt++) {
    const now = clock.now()
    const requested = entry.fixedIP === undefined ? [] : [entry.fixedIP]
    const addresses = table.reserve(requested, now, now + RESERVATION_MS, key)
    const mac = entry.macAddress ?? chooseMac(network, addresses[0], key, (m) => table.isMacUsed(m))
    const port = buildPort(server, network, { addresses, mac, index, now: clock.wall().toISOString() })
    try {
      const created = await stores.ports.api.create(port, { fieldManager: fieldManagerOf('addressing') })
      recentlyCreated.set(key, { port: created, until: now + RESERVATION_MS })
      return created
    } catch (error) {
      // The creation may have succeeded although the answer was lost. Keep the reservation: the next attempt then asks
      // for the same name and finds the Port.
      if (isTransient(error)) throw error
      const own = isAlreadyExists(error) && (await getOwnPort(server, port.metadata, index, stores))
      if (own) return own
      for (const address of addresses) table.release(address, clock.now(), true)
      if (!isAlreadyExists(error) || entry.fixedIP !== undefined) throw error
    }
  }
  throw new Transient(
    'NoFreeAddress',
    `Network ${keyOf(network.metadata)}: ${MAX_NAME_ATTEMPTS} addresses were taken by others meanwhile`,
  )
}

/**
 * Reads the Port with this name from the API server. Returns it if an earlier attempt created it for this interface,
 * although the API server's answer was lost.
 */
async function getOwnPort(
  server: Server,
  { namespace, name }: Port['metadata'],
  index: number,
  stores: AllocatorStores,
): Promise<Port | undefined> {
  const port = await ignoreNotFound(stores.ports.api.get({ namespace, name }))
  return port && isForNic(server, index)(port) ? port : undefined
}

/**
 * Throws if the MAC is in use on the network: each of two guests with the same MAC would receive packets of the other.
 */
function rejectUsedMac(
  mac: string,
  { metadata }: Network,
  { stores, recentlyCreated, table }: Pick<AllocatorState, 'stores' | 'recentlyCreated'> & { table: AddressTable },
): void {
  const key = keyOf(metadata)
  const created = [...recentlyCreated.values()].map(({ port }) => port).filter((port) => networkKeyOf(port) === key)
  const other = findPortWithMac(mac, [...stores.ports.cache.byIndex(portsByNetwork, key), ...created])
  if (other) throw new Refused('MACInUse', `${mac} is allocated to Port ${keyOf(other.metadata)}: ask for another MAC`)
  if (table.isMacOrphaned(mac))
    throw new Transient(
      'MACInUse',
      `${mac} is used by a server whose Port was deleted, until that ends: ask for another MAC`,
    )
}

function chooseMac(
  network: Network,
  address: string | undefined,
  seed: string,
  isUsed: (mac: string) => boolean,
): string {
  const addressOrSeed = (address === undefined ? undefined : parseIP(address)) ?? seed
  const mac = generateMac(network.metadata.uid ?? '', addressOrSeed, isUsed)
  if (mac === undefined) throw new Transient('NoFreeMAC', `Network ${keyOf(network.metadata)} has no free MAC address`)
  return mac
}

interface PortContent {
  addresses: string[]
  mac: string
  index: number
  now: string
}

function buildPort({ metadata }: Server, network: Network, { addresses, mac, index, now }: PortContent) {
  const { name, namespace = '' } = metadata
  const networkRef = { namespace: network.metadata.namespace ?? '', name: network.metadata.name }
  const first = addresses[0]
  const addressOrMac = (first === undefined ? undefined : parseIP(first)) ?? mac
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'Bound',
    message: `used by Server ${name}`,
    lastTransitionTime: now,
  } as const
  return {
    metadata: {
      name: portNameFor({ network: networkRef, namespace, addressOrMac }),
      namespace,
      labels: { [NIC_LABEL]: String(index) },
      ownerReferences: [serverOwnerReference({ metadata })],
    },
    spec: {
      network: networkRef.namespace === namespace ? { name: networkRef.name } : networkRef,
      server: name,
      macAddress: mac,
      ...(addresses.length > 0 ? { fixedIPs: addresses } : {}),
    },
    status: { macAddress: mac, fixedIPs: addresses, server: name, conditions: [ready] },
  }
}
