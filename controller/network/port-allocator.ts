/**
 * Provides the Ports of a server that is being placed: those of an earlier attempt, those of the user, and new ones.
 * The name of a new Port reserves its first address (port-name.ts).
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
 * The index of the Port's interface in the server's spec.networks. If the controller dies before the server is placed,
 * the next process finds the Port by this label.
 */
const NIC_LABEL = 'compute.kubenova.io/nic'
/**
 * Milliseconds after which the reservation of an address, or of a user's Port for a server, expires unless the cache
 * confirms it.
 */
const RESERVATION_MS = 60_000
/**
 * The name of a new Port contains its address. While the leader changes, another controller may have taken that name;
 * the next attempt then reserves another address.
 */
const MAX_NAME_ATTEMPTS = 8

export interface PortAllocator {
  /**
   * Returns interfaces that each have an existing Port. If one interface fails, the Ports created for earlier
   * interfaces stay, and the next attempt finds them.
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
   * By the key of a user's Port: the server that is about to use it, until that server's status names the Port. An
   * entry expires at `until`.
   */
  bindings: Map<string, { uid: string; until: number }>
  /** Ports that were created but that the cache may not show yet, by {@link nicKey}. An entry expires at `until`. */
  recentlyCreated: Map<string, { port: Port; until: number }>
}

export function createPortAllocator(stores: AllocatorStores, allocations: Allocations, clock: Clock): PortAllocator {
  const state: AllocatorState = { stores, allocations, clock, bindings: new Map(), recentlyCreated: new Map() }
  const { recentlyCreated } = state
  // The cached Port is at least as new as the one in recentlyCreated, which is no longer needed.
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
    // buildInterface throws if the Port cannot be used yet. It is called before bindUserPort, so that such a Port stays
    // unbound.
    const built = buildInterface(nic.network, nic.port, nic.entry.tag)
    bindUserPort(server, nic.port, state)
    return built
  }
  const port = findCreatedPort(server, index, state) ?? (await createPort(server, nic, index, state))
  return buildInterface(nic.network, port, nic.entry.tag)
}

const nicKey = ({ metadata }: Server, index: number): string => `${metadata.uid} ${index}`

const isForNic =
  ({ metadata: { uid } }: Server, index: number) =>
  ({ metadata: { labels, ownerReferences } }: Port): boolean =>
    labels?.[NIC_LABEL] === String(index) && ownerReferences?.[0]?.uid === uid

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
 * Keeps other servers from getting the Port until this server's status names it.
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
      // The Port may have been created although the answer was lost. The reservation is kept, so that the next attempt
      // asks for the same name and finds the Port.
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
 * Reads the Port from the API server. Returns it if an earlier attempt created it for this interface, although the
 * answer was lost.
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

/** Throws if the MAC is in use on the network: two guests with one MAC would receive each other's packets. */
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
