/** Ports for a server that is being placed: those it has already, those its user made, and new ones whose names claim their addresses. */
import { type Interface, type Network, ownedBy, type Port, Refused, type Server, Transient } from '../../crds/index.ts'
import type { Clock } from '../../kube/clock.ts'
import { ignoreNotFound, isAlreadyExists, isTransient } from '../../kube/errors.ts'
import { keyOf } from '../../kube/types.ts'
import { MANAGER } from '../server/manager.ts'
import type { Nic } from '../server/resolve.ts'
import { BY_NETWORK, BY_REFERENCE, BY_SERVER, refKey, type Stores } from '../stores.ts'
import type { AddressTable, Allocations } from './allocations.ts'
import { macHolder, networkOf } from './holders.ts'
import { interfaceOf } from './interface.ts'
import { parseIP } from './ip.ts'
import { macFor } from './mac.ts'
import { portName } from './port-name.ts'

/** Which of its server's interfaces a port is for: found again after a crash between the port and the placement. */
const NIC_LABEL = 'compute.kubenova.io/nic'
/** An address that is held and whose Port was not seen by then was not given. */
const HOLD_MS = 60_000
/** A name that is taken means that another controller was quicker: it happens once, at a change of leaders. */
const TRIES = 8

export interface PortClaims {
  /**
   * The interfaces of the server, each with its Port there. What was made stays when a later one fails: the next try finds it.
   * @throws Refused or Transient (AddressInUse, NoFreeAddress, PortInUse, PortNotReady, …)
   */
  take(server: Server, nics: readonly Nic[]): Promise<Interface[]>
}

export function createPortClaims(stores: Stores, allocations: Allocations, clock: Clock): PortClaims {
  const parts: Parts = { stores, allocations, clock, binding: new Map(), fresh: new Map() }
  // The cache knows more of it than its creation has said.
  const seen = ({ metadata }: Port): void => {
    const key = `${metadata.ownerReferences?.[0]?.uid} ${metadata.labels?.[NIC_LABEL]}`
    if (parts.fresh.get(key)?.port.metadata.uid === metadata.uid) parts.fresh.delete(key)
  }
  stores.ports.informer.on({ added: seen, deleted: seen })
  return {
    async take(server, nics) {
      const interfaces: Interface[] = []
      for (const [index, nic] of nics.entries()) {
        const of = (port: Port): Interface => interfaceOf(nic.network, port, nic.entry.tag)
        if (nic.port) {
          // Of one that is not ready nobody is kept from it by who cannot use it either.
          interfaces.push(of(nic.port))
          bind(server, nic.port, parts)
        } else interfaces.push(of(made(server, index, parts) ?? (await make(server, nic, index, parts))))
      }
      return interfaces
    },
  }
}

interface Parts {
  stores: Stores
  allocations: Allocations
  clock: Clock
  /** Ports of users that a placement is about to use, until the servers' own status says so. */
  binding: Map<string, { uid: string; until: number }>
  /** Ports that were made and that the cache may not have yet, by {@link nicKey}. */
  fresh: Map<string, { port: Port; until: number }>
}

const nicKey = ({ metadata }: Server, index: number): string => `${metadata.uid} ${index}`

/** Was the port made for this interface of this server? */
const isOf =
  ({ metadata: { uid } }: Server, index: number) =>
  ({ metadata: { labels, ownerReferences } }: Port): boolean =>
    labels?.[NIC_LABEL] === String(index) && ownerReferences?.[0]?.uid === uid

/** The port that an earlier try made. */
function made(server: Server, index: number, { stores, clock, fresh }: Parts): Port | undefined {
  const { metadata } = server
  const cached = stores.ports.cache.byIndex(BY_SERVER, keyOf(metadata)).find(isOf(server, index))
  for (const [key, { until }] of fresh) if (until <= clock.now()) fresh.delete(key)
  return cached ?? fresh.get(nicKey(server, index))?.port
}

function bind({ metadata }: Server, port: Port, { stores, allocations, clock, binding }: Parts): void {
  const key = keyOf(port.metadata)
  const lost = allocations.of(networkOf(port)).loses(port)
  if (lost) throw new Transient('AddressInUse', `Port ${key}: ${lost.address} is held by Port ${lost.to.name}`)
  const [holder] = stores.servers.cache
    .byIndex(BY_REFERENCE, refKey('Port', port.metadata))
    .filter((s) => s.metadata.uid !== metadata.uid && s.status?.host !== undefined)
  if (holder) {
    const message = `Port ${key} is used by Server ${holder.metadata.name}: make another Port, or delete that server`
    throw new Refused('PortInUse', message)
  }
  const now = clock.now()
  for (const [other, { until }] of binding) if (until <= now) binding.delete(other)
  const pending = binding.get(key)
  if (pending && pending.uid !== metadata.uid)
    throw new Transient('PortInUse', `Port ${key} is about to be used by another server`)
  binding.set(key, { uid: metadata.uid ?? '', until: now + HOLD_MS })
}

async function make(server: Server, { entry, network }: Nic, index: number, parts: Parts): Promise<Port> {
  const { stores, allocations, clock, fresh } = parts
  const table = allocations.of(keyOf(network.metadata))
  const key = nicKey(server, index)
  if (entry.macAddress !== undefined) checkMac(entry.macAddress, network, { stores, fresh, table })
  for (let i = 0; i < TRIES; i++) {
    const now = clock.now()
    const addresses = table.take(entry.fixedIP === undefined ? [] : [entry.fixedIP], now, now + HOLD_MS, key)
    const mac = entry.macAddress ?? freeMac(network, addresses[0], key, (m) => table.isMacUsed(m))
    const port = newPort(server, network, { addresses, mac, index, now: clock.wall().toISOString() })
    try {
      const done = await stores.ports.api.create(port, { fieldManager: MANAGER })
      fresh.set(key, { port: done, until: now + HOLD_MS })
      return done
    } catch (error) {
      // It may have been made: the next try takes the same, which is held, and finds it.
      if (isTransient(error)) throw error
      const own = isAlreadyExists(error) && (await ours(server, port.metadata, index, stores))
      if (own) return own
      for (const address of addresses) table.release(address, clock.now(), true)
      if (!isAlreadyExists(error) || entry.fixedIP !== undefined) throw error
    }
  }
  throw new Transient(
    'NoFreeAddress',
    `Network ${keyOf(network.metadata)}: ${TRIES} addresses were taken by others meanwhile`,
  )
}

/** The Port of that name, if an earlier try made it whose answer was lost. The cache may be long behind. */
async function ours(
  server: Server,
  { namespace, name }: Port['metadata'],
  index: number,
  stores: Stores,
): Promise<Port | undefined> {
  const there = await ignoreNotFound(stores.ports.api.get({ namespace, name }))
  return there && isOf(server, index)(there) ? there : undefined
}

/** Two of a MAC on one segment would take each other's packets. */
function checkMac(
  mac: string,
  { metadata }: Network,
  { stores, fresh, table }: Pick<Parts, 'stores' | 'fresh'> & { table: AddressTable },
): void {
  const key = keyOf(metadata)
  const made = [...fresh.values()].map(({ port }) => port).filter((port) => networkOf(port) === key)
  const holder = macHolder(mac, [...stores.ports.cache.byIndex(BY_NETWORK, key), ...made])
  if (holder) throw new Refused('MACInUse', `${mac} is held by Port ${keyOf(holder.metadata)}: ask for another MAC`)
  if (table.isMacOrphaned(mac))
    throw new Transient(
      'MACInUse',
      `${mac} is used by a server whose Port was deleted, until that ends: ask for another MAC`,
    )
}

function freeMac(
  network: Network,
  address: string | undefined,
  seed: string,
  isUsed: (mac: string) => boolean,
): string {
  const of = (address === undefined ? undefined : parseIP(address)) ?? seed
  const mac = macFor(network.metadata.uid ?? '', of, isUsed)
  if (mac === undefined) throw new Transient('NoFreeMAC', `Network ${keyOf(network.metadata)} has no free MAC address`)
  return mac
}

interface NewPort {
  addresses: string[]
  mac: string
  index: number
  now: string
}

function newPort({ metadata }: Server, network: Network, { addresses, mac, index, now }: NewPort) {
  const { name, namespace = '' } = metadata
  const place = { namespace: network.metadata.namespace ?? '', name: network.metadata.name }
  const first = addresses[0]
  const of = (first === undefined ? undefined : parseIP(first)) ?? mac
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'Bound',
    message: `used by Server ${name}`,
    lastTransitionTime: now,
  } as const
  return {
    metadata: {
      name: portName({ network: place, namespace, of }),
      namespace,
      labels: { [NIC_LABEL]: String(index) },
      ownerReferences: [ownedBy({ metadata })],
    },
    spec: {
      network: place.namespace === namespace ? { name: place.name } : place,
      server: name,
      macAddress: mac,
      ...(addresses.length > 0 ? { fixedIPs: addresses } : {}),
    },
    status: { macAddress: mac, fixedIPs: addresses, server: name, conditions: [ready] },
  }
}
