/**
 * The addresses and MACs in use on one network: by Ports in the cache, by guests of placed servers (a guest may outlive
 * its Port), and by reservations. A restarted controller rebuilds the table from Ports and Servers alone.
 *
 * A reservation holds an address for a Port that the cache does not show yet. It ends with `observe` of that Port, with
 * `release` if the Port was not created, or when it expires. The address of a deleted Port stays in quarantine before
 * it is free.
 */
import { type Network, type Port, Refused, Transient } from '../../crds/index.ts'
import { FreeList } from './free-list.ts'
import { type Family, formatCIDR, formatIP, type IP, parseIP } from './ip.ts'
import { isInPool, type Pool, parseRequestedAddress, poolSizeOf, poolsOf } from './pool.ts'
import { describeOwner, ownerAmong, type PortReference, referenceOf } from './references.ts'

/** A freed address stays in quarantine as long as Linux and most routers keep a stale neighbour entry. */
const QUARANTINE_MS = 60_000

interface AddressUse {
  references: PortReference[]
  /** How many interfaces of placed servers have the address. More than one is an error. */
  guests: number
  /** How many interfaces of placed servers get their DHCP answers from the address. */
  dhcpClients: number
  reservation: Reservation | undefined
}

interface Reservation {
  /** When the reservation ends, in monotonic milliseconds. */
  expires: number
  /**
   * Identifies who made the reservation, usually by the uid of a Port. If the answer to the creation of the Port is
   * lost, another reservation with the same text gets the same address.
   */
  by: string | undefined
}

interface PoolState {
  readonly pool: Pool
  readonly free: FreeList
  used: number
}

export class AddressTable {
  readonly #quarantineMs: number
  readonly #uses: Record<Family, Map<bigint, AddressUse>> = { 4: new Map(), 6: new Map() }
  readonly #ports = new Map<string, PortReference>()
  readonly #portMacs = new Map<string, number>()
  readonly #guestMacs = new Map<string, number>()
  readonly #reserved = new Map<string, IP>()
  #subnets: string | undefined
  #pools: PoolState[] = []
  #name = ''

  constructor(quarantineMs = QUARANTINE_MS) {
    this.#quarantineMs = quarantineMs
  }

  /**
   * To be called when the cache adds or changes the network. If the subnets have changed, the call takes time in
   * proportion to the addresses in use.
   */
  setNetwork(network: Network): void {
    this.#name = `${network.metadata.namespace}/${network.metadata.name}`
    const subnets = JSON.stringify(network.spec.subnets)
    if (subnets === this.#subnets) return
    this.#subnets = subnets
    this.#pools = poolsOf(network.spec.subnets).map((pool) => {
      let used = 0
      const { family } = pool.cidr
      for (const value of this.#uses[family].keys()) if (isInPool(pool, { family, value })) used++
      return { pool, free: new FreeList(pool.ranges, this.#quarantineMs), used }
    })
  }

  /**
   * To be called when the cache adds or changes a Port of this network.
   * @returns the keys of other Ports that refer to one of the same addresses
   */
  observe(port: Port, now: number): string[] {
    const key = `${port.metadata.namespace}/${port.metadata.name}`
    const before = this.#ports.get(key)
    const after = referenceOf(port)
    // Add the new reference before removing the old one: an address that both contain would otherwise be free for a
    // moment.
    this.#ports.set(key, after)
    for (const ip of after.addresses) this.#addReference(ip, after)
    if (after.mac !== undefined) addToCount(this.#portMacs, after.mac, 1)
    if (before !== undefined) this.#removeReference(before, now)
    return after.addresses
      .flatMap((ip) => this.#uses[ip.family].get(ip.value)?.references ?? [])
      .filter(({ uid }) => uid !== after.uid)
      .map(({ namespace, name }) => `${namespace}/${name}`)
  }

  remove(port: Pick<Port, 'metadata'>, now: number): void {
    const key = `${port.metadata.namespace}/${port.metadata.name}`
    const before = this.#ports.get(key)
    if (before === undefined || before.uid !== (port.metadata.uid ?? '')) return
    this.#ports.delete(key)
    this.#removeReference(before, now)
  }

  /**
   * The addresses and the MAC of the guest stay in use until removeGuest, even if its Port is deleted earlier.
   * @param dhcpAddresses the addresses from which DHCP answers this guest. They stay the same when the Network changes,
   * so no server may get them until removeGuest
   */
  addGuest(addresses: readonly IP[], mac: string, dhcpAddresses: readonly IP[] = []): void {
    for (const ip of addresses) this.#getOrCreateUse(ip).guests++
    for (const ip of dhcpAddresses) this.#getOrCreateUse(ip).dhcpClients++
    addToCount(this.#guestMacs, mac, 1)
  }

  removeGuest(addresses: readonly IP[], mac: string, now: number, dhcpAddresses: readonly IP[] = []): void {
    addToCount(this.#guestMacs, mac, -1)
    for (const ip of addresses) this.#decrement(ip, 'guests', now)
    for (const ip of dhcpAddresses) this.#decrement(ip, 'dhcpClients', now)
  }

  #decrement(ip: IP, count: 'guests' | 'dhcpClients', now: number): void {
    const use = this.#uses[ip.family].get(ip.value)
    if (use === undefined) return
    use[count]--
    this.#freeIfUnused(ip, use, now, true)
  }

  /** The size of the subnet's pool. `index` is the subnet's place in the Network's spec. */
  subnetUsage(index: number): { total: number; used: number } {
    const state = this.#pools[index]
    return state ? { total: poolSizeOf(state.pool), used: state.used } : { total: 0, used: 0 }
  }

  /** The Port that owns the address; undefined if no Port refers to it. */
  ownerOf(ip: IP): PortReference | undefined {
    return ownerAmong(this.#uses[ip.family].get(ip.value)?.references ?? [], ip)
  }

  /**
   * The Port, guest or reservation that has the address, in words. Undefined if the address is free, even if a Port
   * asks for it.
   */
  describeUser(ip: IP): string | undefined {
    const use = this.#uses[ip.family].get(ip.value)
    const owner = ownerAmong(use?.references.filter((reference) => reference.isAllocated) ?? [], ip)
    if (owner !== undefined) return `Port ${owner.namespace}/${owner.name}`
    if (use !== undefined && use.guests > 0) return 'a server whose Port was deleted'
    return use?.reservation === undefined ? undefined : 'a Port that is about to be created'
  }

  /** The first of this Port's addresses that another Port owns, with that Port; undefined if there is none. */
  conflictingOwner(port: Port): { address: string; owner: PortReference } | undefined {
    for (const ip of referenceOf(port).addresses) {
      const owner = this.ownerOf(ip)
      if (owner !== undefined && owner.uid !== port.metadata.uid) return { address: formatIP(ip), owner }
    }
    return undefined
  }

  isMacUsed(mac: string): boolean {
    return this.#portMacs.has(mac) || this.#guestMacs.has(mac)
  }

  /** Whether the guest of a placed server uses the MAC although that server's Port is gone. */
  isMacOrphaned(mac: string): boolean {
    return this.#guestMacs.has(mac) && !this.#portMacs.has(mac)
  }

  /**
   * Reserves one address of each subnet, in their order: the requested one that lies in the subnet, or else the next
   * free one. If the method throws, nothing is reserved.
   * @param expires when the reservation ends, in monotonic milliseconds
   * @param reserver identifies the caller's Port, usually by uid. That Port may get an address that it refers to or has
   * reserved before
   * @throws Refused error (the user must ask for another address) if a requested address is not allowed or in use;
   * Transient error (retried) if no address is free now
   */
  reserve(requested: readonly string[], now: number, expires: number, reserver?: string): string[] {
    const pools = this.#pools.map((s) => s.pool)
    const parsed = requested.map((address) => parseRequestedAddress(pools, address))
    const reserved: IP[] = []
    try {
      for (const state of this.#pools) {
        const inSubnet = parsed.filter((p) => p.pool === state.pool).map((p) => p.ip)
        const ip = this.#chooseAddress(state, inSubnet, now, reserver)
        this.#setReservation(ip, expires, reserver)
        reserved.push(ip)
      }
    } catch (error) {
      for (const ip of reserved) this.release(formatIP(ip), now, false)
      throw error
    }
    return reserved.map(formatIP)
  }

  /** Reserves exactly these addresses. The parameters and errors are those of `reserve`. */
  reserveExactly(addresses: readonly string[], expires: number, reserver?: string): string[] {
    const pools = this.#pools.map((s) => s.pool)
    const ips = addresses.map((address) => parseRequestedAddress(pools, address).ip)
    for (const ip of ips) this.#rejectIfUsed(ip, reserver)
    for (const ip of ips) this.#setReservation(ip, expires, reserver)
    return ips.map(formatIP)
  }

  /**
   * Ends the reservation of the address.
   * @param quarantine true if a Port that the cache does not show yet may have the address. For example, the API server
   * may have rejected the new Port because a Port with the same name, which contains the address, exists
   */
  release(address: string, now: number, quarantine: boolean): void {
    const ip = parseIP(address)
    const use = ip && this.#uses[ip.family].get(ip.value)
    if (!ip || use?.reservation === undefined) return
    use.reservation = undefined
    this.#reserved.delete(formatIP(ip))
    this.#freeIfUnused(ip, use, now, quarantine)
  }

  /** Drops reservations whose Ports the cache has not shown in time, and returns their addresses. */
  expire(now: number): string[] {
    const late = [...this.#reserved].filter(
      ([, ip]) => (this.#uses[ip.family].get(ip.value)?.reservation?.expires ?? 0) <= now,
    )
    for (const [address] of late) this.release(address, now, true)
    return late.map(([address]) => address)
  }

  #chooseAddress(state: PoolState, requested: readonly IP[], now: number, reserver: string | undefined): IP {
    if (requested.length > 1) {
      const subnet = formatCIDR(state.pool.cidr)
      throw new Refused('TooManyAddresses', `asks for ${requested.length} addresses of ${subnet}: one at most`)
    }
    const [ip] = requested
    if (ip === undefined) return this.#reservedBy(reserver, state) ?? this.#nextFree(state, now)
    this.#rejectIfUsed(ip, reserver)
    return ip
  }

  #nextFree(state: PoolState, now: number): IP {
    const { family } = state.pool.cidr
    const value = state.free.next((v) => this.#uses[family].has(v), now)
    if (value !== undefined) return { family, value }
    throw new Transient(
      'NoFreeAddress',
      `network ${this.#name} has no free address in ${formatCIDR(state.pool.cidr)}: ${state.used} of ${state.pool.total} are in use; delete servers or ports that are not needed, or give the subnet more pools`,
    )
  }

  #reservedBy(reserver: string | undefined, { pool }: PoolState): IP | undefined {
    if (reserver === undefined) return undefined
    for (const ip of this.#reserved.values())
      if (this.#uses[ip.family].get(ip.value)?.reservation?.by === reserver && isInPool(pool, ip)) return ip
    return undefined
  }

  #rejectIfUsed(ip: IP, reserver: string | undefined): void {
    const owner = this.ownerOf(ip)
    if (owner !== undefined && owner.uid !== reserver)
      throw new Refused('AddressInUse', `${describeOwner(owner, ip)}: ask for another address`)
    const use = this.#uses[ip.family].get(ip.value)
    if (owner !== undefined || use === undefined) return
    if (use.reservation !== undefined && (reserver === undefined || use.reservation.by !== reserver))
      throw new Transient('AddressInUse', `${formatIP(ip)} is about to be given to another port`)
    if (use.guests > 0)
      throw new Transient('AddressInUse', `${formatIP(ip)} is used by a server whose Port was deleted, until that ends`)
    if (use.dhcpClients > 0)
      throw new Transient(
        'AddressInUse',
        `DHCP answers from ${formatIP(ip)} on hosts with servers that are older than the last change of the network, until those end: ask for another address`,
      )
  }

  #setReservation(ip: IP, expires: number, by: string | undefined): void {
    this.#getOrCreateUse(ip).reservation = { expires, by }
    this.#reserved.set(formatIP(ip), ip)
  }

  #addReference(ip: IP, reference: PortReference): void {
    const use = this.#getOrCreateUse(ip)
    use.references.push(reference)
    use.reservation = undefined
    this.#reserved.delete(formatIP(ip))
  }

  #removeReference(reference: PortReference, now: number): void {
    for (const ip of reference.addresses) {
      const use = this.#uses[ip.family].get(ip.value)
      if (use === undefined) continue
      use.references = use.references.filter((r) => r !== reference)
      this.#freeIfUnused(ip, use, now, true)
    }
    if (reference.mac !== undefined) addToCount(this.#portMacs, reference.mac, -1)
  }

  #getOrCreateUse(ip: IP): AddressUse {
    const found = this.#uses[ip.family].get(ip.value)
    if (found) return found
    const use: AddressUse = { references: [], guests: 0, dhcpClients: 0, reservation: undefined }
    this.#uses[ip.family].set(ip.value, use)
    for (const state of this.#poolsWith(ip)) state.used++
    return use
  }

  #freeIfUnused(ip: IP, use: AddressUse, now: number, quarantine: boolean): void {
    if (use.references.length > 0 || use.guests > 0 || use.dhcpClients > 0 || use.reservation !== undefined) return
    if (!this.#uses[ip.family].delete(ip.value)) return
    for (const state of this.#poolsWith(ip)) {
      state.used--
      state.free.free(ip.value, now, quarantine)
    }
  }

  #poolsWith(ip: IP): PoolState[] {
    return this.#pools.filter(({ pool }) => isInPool(pool, ip))
  }
}

function addToCount(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
