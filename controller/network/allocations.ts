/**
 * AddressTable: the addresses and MACs of one network that are in use: by the Ports in the cache, by servers that were placed with them
 * (a Port may be deleted under its guest), and by holds, which are addresses that are decided and whose Port is not yet seen there. A
 * restarted controller builds the same from Ports and Servers alone.
 *
 *   take → hold ──observe shows the Port──► held by it ──remove──► resting, then free
 *            └──release (the Port was not made) or expire──► free
 */
import { type Network, type Port, Refused, type Server, Transient } from '../../crds/index.ts'
import { FreeList } from './free-list.ts'
import { type Holder, holderOf, holds, lodgingsOf, networkOf, winner } from './holders.ts'
import { type Family, formatIP, type IP, parseIP } from './ip.ts'
import { checkFixed, cidrText, inPool, type Pool, poolOf, totalOf } from './pool.ts'

/** A freed address rests this long: as long as Linux and most routers keep a stale neighbour. */
export const REST_MS = 60_000

interface Slot {
  holders: Holder[]
  /** How many interfaces of placed servers have it: one at most, if all is well. */
  guests: number
  held: Hold | undefined
}

interface Hold {
  /** When it ends, ms. */
  until: number
  /** Who took it, and gets it again: what it wrote may have got no answer. */
  by: string | undefined
}

interface PoolState {
  readonly pool: Pool
  readonly free: FreeList
  /** Addresses of the pool that are in use. */
  used: number
}

export class AddressTable {
  readonly #restMs: number
  readonly #slots: Record<Family, Map<bigint, Slot>> = { 4: new Map(), 6: new Map() }
  readonly #ports = new Map<string, Holder>()
  readonly #macs = new Map<string, number>()
  readonly #guestMacs = new Map<string, number>()
  readonly #holds = new Map<string, IP>()
  #subnets: string | undefined
  #pools: PoolState[] = []
  #name = ''

  constructor(restMs = REST_MS) {
    this.#restMs = restMs
  }

  /** The network as the cache has it. Cheap where its subnets are as before; else O(ports). */
  setNetwork(network: Network): void {
    this.#name = `${network.metadata.namespace}/${network.metadata.name}`
    const subnets = JSON.stringify(network.spec.subnets)
    if (subnets === this.#subnets) return
    this.#subnets = subnets
    this.#pools = network.spec.subnets.map((subnet) => {
      const pool = poolOf(subnet)
      let used = 0
      const { family } = pool.cidr
      for (const value of this.#slots[family].keys()) if (inPool(pool, { family, value })) used++
      return { pool, free: new FreeList(pool.ranges, this.#restMs), used }
    })
  }

  /** A Port of this network as the cache has it: added or changed. `now`: ms. Answers the keys of Ports that have an address of its, too. */
  observe(port: Port, now: number): string[] {
    const key = `${port.metadata.namespace}/${port.metadata.name}`
    const before = this.#ports.get(key)
    const after = holderOf(port)
    // First the new claims, then the end of the old: an address that is in both is never free between.
    this.#ports.set(key, after)
    for (const ip of after.addresses) this.#add(ip, after)
    if (after.mac !== undefined) count(this.#macs, after.mac, 1)
    if (before !== undefined) this.#end(before, now)
    return after.addresses
      .flatMap((ip) => this.#slots[ip.family].get(ip.value)?.holders ?? [])
      .filter(({ uid }) => uid !== after.uid)
      .map(({ namespace, name }) => `${namespace}/${name}`)
  }

  /** A Port is gone from the cache. */
  remove(port: Pick<Port, 'metadata'>, now: number): void {
    const key = `${port.metadata.namespace}/${port.metadata.name}`
    const before = this.#ports.get(key)
    if (before === undefined || before.uid !== (port.metadata.uid ?? '')) return
    this.#ports.delete(key)
    this.#end(before, now)
  }

  /** A server was placed with these: its guest has them, whatever becomes of their Port. */
  lodge(addresses: readonly IP[], mac: string): void {
    for (const ip of addresses) this.#slot(ip).guests++
    count(this.#guestMacs, mac, 1)
  }

  /** What `lodge` was told of is over. */
  leave(addresses: readonly IP[], mac: string, now: number): void {
    count(this.#guestMacs, mac, -1)
    for (const ip of addresses) {
      const slot = this.#slots[ip.family].get(ip.value)
      if (slot === undefined) continue
      slot.guests--
      this.#tidy(ip, slot, now, true)
    }
  }

  /** How many addresses the pool of subnet `i` has, and how many of these are in use. */
  counts(i: number): { total: number; used: number } {
    const state = this.#pools[i]
    return state ? { total: totalOf(state.pool), used: state.used } : { total: 0, used: 0 }
  }

  /** Which Port has the address, if any. */
  owner(ip: IP): Holder | undefined {
    return winner(this.#slots[ip.family].get(ip.value)?.holders ?? [], ip)
  }

  /** The Port that has one of this port's addresses in its stead; undefined: it has all of its own. */
  loses(port: Port): { address: string; to: Holder } | undefined {
    for (const ip of holderOf(port).addresses) {
      const to = this.owner(ip)
      if (to !== undefined && to.uid !== port.metadata.uid) return { address: formatIP(ip), to }
    }
    return undefined
  }

  isMacUsed(mac: string): boolean {
    return this.#macs.has(mac) || this.#guestMacs.has(mac)
  }

  /** Does a placed server have it, and no Port? */
  isMacOrphaned(mac: string): boolean {
    return this.#guestMacs.has(mac) && !this.#macs.has(mac)
  }

  /**
   * Takes one address of each subnet and holds it until `expires` (ms): of those in `wished` the one that lies in the subnet, else the next
   * free one. In the order of the subnets. `self`: who takes them (uid of the port, or what stands for it), whose own claims do not stand in its
   * way, and who has those again that it took before. Throws Refused (a wish that may not be) or Transient (nothing free now), and then holds none.
   */
  take(wished: readonly string[], now: number, expires: number, self?: string): string[] {
    const pools = this.#pools.map((s) => s.pool)
    const wishes = wished.map((address) => checkFixed(pools, address))
    const taken: IP[] = []
    try {
      for (const state of this.#pools) {
        const mine = wishes.filter((w) => w.pool === state.pool).map((w) => w.ip)
        if (mine.length > 1) {
          throw new Refused(
            'TooManyAddresses',
            `asks for ${mine.length} addresses of ${cidrText(state.pool.cidr)}: one at most`,
          )
        }
        const ip = mine[0] ?? this.#heldBy(self, state) ?? this.#next(state, now)
        if (mine[0]) this.#checkFree(ip, self)
        this.#hold(ip, expires, self)
        taken.push(ip)
      }
    } catch (error) {
      for (const ip of taken) this.release(formatIP(ip), now, false)
      throw error
    }
    return taken.map(formatIP)
  }

  /** Takes exactly these addresses, as take does. */
  takeOnly(addresses: readonly string[], expires: number, self?: string): string[] {
    const pools = this.#pools.map((s) => s.pool)
    const ips = addresses.map((address) => checkFixed(pools, address).ip)
    for (const ip of ips) this.#checkFree(ip, self)
    for (const ip of ips) this.#hold(ip, expires, self)
    return ips.map(formatIP)
  }

  /** Ends a hold. `rest`: someone else seems to have the address (its name was taken): do not offer it at once again. */
  release(address: string, now: number, rest: boolean): void {
    const ip = parseIP(address)
    const slot = ip && this.#slots[ip.family].get(ip.value)
    if (!ip || slot?.held === undefined) return
    slot.held = undefined
    this.#holds.delete(formatIP(ip))
    this.#tidy(ip, slot, now, rest)
  }

  /** Ends the holds whose Port was never seen; returns their addresses. */
  expire(now: number): string[] {
    const late = [...this.#holds].filter(([, ip]) => (this.#slots[ip.family].get(ip.value)?.held?.until ?? 0) <= now)
    for (const [address] of late) this.release(address, now, true)
    return late.map(([address]) => address)
  }

  #next(state: PoolState, now: number): IP {
    const { family } = state.pool.cidr
    const value = state.free.next((v) => this.#slots[family].has(v), now)
    if (value !== undefined) return { family, value }
    throw new Transient(
      'NoFreeAddress',
      `network ${this.#name} has no free address in ${cidrText(state.pool.cidr)}: ${state.used} of ${state.pool.total} are in use; delete servers or ports that are not needed, or give the subnet more pools`,
    )
  }

  /** An address of the pool that was taken before by the same, and of which no Port was seen. */
  #heldBy(self: string | undefined, { pool }: PoolState): IP | undefined {
    if (self === undefined) return undefined
    for (const ip of this.#holds.values())
      if (this.#slots[ip.family].get(ip.value)?.held?.by === self && inPool(pool, ip)) return ip
    return undefined
  }

  #checkFree(ip: IP, self: string | undefined): void {
    const owner = this.owner(ip)
    if (owner !== undefined && owner.uid !== self)
      throw new Refused('AddressInUse', `${holds(owner, ip)}: ask for another address`)
    const slot = this.#slots[ip.family].get(ip.value)
    if (owner !== undefined || slot === undefined) return
    if (slot.held !== undefined && (self === undefined || slot.held.by !== self))
      throw new Transient('AddressInUse', `${formatIP(ip)} is about to be given to another port`)
    if (slot.guests > 0)
      throw new Transient('AddressInUse', `${formatIP(ip)} is used by a server whose Port was deleted, until that ends`)
  }

  #hold(ip: IP, until: number, by: string | undefined): void {
    this.#slot(ip).held = { until, by }
    this.#holds.set(formatIP(ip), ip)
  }

  #add(ip: IP, holder: Holder): void {
    const slot = this.#slot(ip)
    slot.holders.push(holder)
    slot.held = undefined
    this.#holds.delete(formatIP(ip))
  }

  #end(holder: Holder, now: number): void {
    for (const ip of holder.addresses) {
      const slot = this.#slots[ip.family].get(ip.value)
      if (slot === undefined) continue
      slot.holders = slot.holders.filter((h) => h !== holder)
      this.#tidy(ip, slot, now, true)
    }
    if (holder.mac !== undefined) count(this.#macs, holder.mac, -1)
  }

  #slot(ip: IP): Slot {
    const found = this.#slots[ip.family].get(ip.value)
    if (found) return found
    const slot: Slot = { holders: [], guests: 0, held: undefined }
    this.#slots[ip.family].set(ip.value, slot)
    for (const state of this.#poolsWith(ip)) state.used++
    return slot
  }

  #tidy(ip: IP, slot: Slot, now: number, rest: boolean): void {
    if (slot.holders.length > 0 || slot.guests > 0 || slot.held !== undefined) return
    if (!this.#slots[ip.family].delete(ip.value)) return
    for (const state of this.#poolsWith(ip)) {
      state.used--
      state.free.freed(ip.value, now, rest)
    }
  }

  #poolsWith(ip: IP): PoolState[] {
    return this.#pools.filter(({ pool }) => inPool(pool, ip))
  }
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + change
  if (now > 0) counts.set(key, now)
  else counts.delete(key)
}

/** The tables of all networks, by namespace/name; Ports may be seen before their Network. */
export class Allocations {
  readonly #tables = new Map<string, AddressTable>()

  /** The table of a network; made when it is first asked for. */
  of(network: string): AddressTable {
    let table = this.#tables.get(network)
    if (table === undefined) {
      table = new AddressTable()
      this.#tables.set(network, table)
    }
    return table
  }

  observe(port: Port, now: number): string[] {
    return this.of(networkOf(port)).observe(port, now)
  }

  remove(port: Port, now: number): void {
    this.of(networkOf(port)).remove(port, now)
  }

  /** A server as the cache has it now, and as it had it before. */
  observeServer(before: Server | undefined, after: Server | undefined, now: number): void {
    // First what begins, then what ends: what is in both is never free between.
    for (const { network, addresses, mac } of lodgingsOf(after)) this.of(network).lodge(addresses, mac)
    for (const { network, addresses, mac } of lodgingsOf(before)) this.of(network).leave(addresses, mac, now)
  }

  /** Ends the holds whose Port was never seen; returns the networks, as namespace/name, that have addresses free by it. */
  expire(now: number): string[] {
    return [...this.#tables].flatMap(([network, table]) => (table.expire(now).length > 0 ? [network] : []))
  }
}
