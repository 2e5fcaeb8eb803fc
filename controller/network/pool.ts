/** The addresses that a Subnet has to give: its pools without the addresses that have a purpose of their own. */
import { Bug, Refused, type Subnet } from '../../crds/index.ts'
import { bits, type CIDR, contains, formatIP, type IP, inRange, parseCIDR, parseIP, type Range } from './ip.ts'

export interface Pool {
  readonly cidr: CIDR
  /** Ascending, apart from one another, without the reserved addresses. */
  readonly ranges: readonly Range[]
  /** How many addresses the ranges hold. */
  readonly total: bigint
  /** Addresses that no port gets, with what they are. */
  readonly reserved: ReadonlyMap<bigint, string>
}

/** Reads a subnet that the API server has admitted. */
export function poolOf(subnet: Subnet): Pool {
  const cidr = parseCIDR(subnet.cidr)
  if (cidr === undefined) throw new Bug('InvalidSubnet', `${subnet.cidr} is no CIDR`)
  const reserved = reservedOf(subnet, cidr)
  const ranges = cutOut(merge(wanted(subnet, cidr)), [...reserved.keys()])
  return { cidr, ranges, reserved, total: ranges.reduce((sum, r) => sum + size(r), 0n) }
}

const size = ({ first, last }: Range) => last - first + 1n

/** Whether the first (and for IPv4 the last) address is not a host's: not in /31 and /32 (RFC 3021), /127 (RFC 6164) and /128. */
const hasEnds = ({ family, prefixLength }: CIDR) => bits(family) - prefixLength >= 2

/** The last address that a host can have. */
function lastUsable(cidr: CIDR): bigint {
  return cidr.family === 4 && hasEnds(cidr) ? cidr.last - 1n : cidr.last
}

/**
 * Where DHCP answers from; undefined: this subnet has no DHCP. Default: the last usable address; where that is the gateway, the one
 * before it.
 */
export function dhcpAddressOf(subnet: Subnet): string | undefined {
  if (!subnet.dhcp) return undefined
  const cidr = parseCIDR(subnet.cidr)
  if (cidr === undefined) throw new Bug('InvalidSubnet', `${subnet.cidr} is no CIDR`)
  const given = parseIP(subnet.dhcpAddress ?? '')
  if (given) return formatIP(given)
  const gateway = parseIP(subnet.gateway ?? '')
  const last = lastUsable(cidr)
  return formatIP({ family: cidr.family, value: last === gateway?.value && last > cidr.first ? last - 1n : last })
}

function reservedOf(subnet: Subnet, cidr: CIDR): Map<bigint, string> {
  const reserved = new Map<bigint, string>()
  if (hasEnds(cidr)) {
    reserved.set(cidr.first, cidr.family === 4 ? 'the network address' : 'the subnet-router anycast address')
    if (cidr.family === 4) reserved.set(cidr.last, 'the broadcast address')
  }
  // A dhcpAddress that is given stays free of ports while DHCP is off, so that it can be turned on.
  const dhcp = parseIP(dhcpAddressOf(subnet) ?? subnet.dhcpAddress ?? '')
  if (dhcp) reserved.set(dhcp.value, 'the address that DHCP answers from')
  const gateway = parseIP(subnet.gateway ?? '')
  if (gateway) reserved.set(gateway.value, 'the gateway')
  return reserved
}

/** The pools as given, within the subnet; none given: all of it. A pool that is upside down is empty. */
function wanted(subnet: Subnet, cidr: CIDR): Range[] {
  if (subnet.pools === undefined || subnet.pools.length === 0) return [cidr]
  return subnet.pools.flatMap(({ start, end }) => {
    const [a, b] = [parseIP(start), parseIP(end)]
    return a && b && contains(cidr, a) && contains(cidr, b) && a.value <= b.value
      ? [{ first: a.value, last: b.value }]
      : []
  })
}

/** Ascending, touching and overlapping ones joined. */
function merge(ranges: Range[]): Range[] {
  const merged: Range[] = []
  for (const range of ranges.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = merged.at(-1)
    if (before && range.first <= before.last + 1n) {
      merged[merged.length - 1] = { first: before.first, last: before.last > range.last ? before.last : range.last }
    } else merged.push(range)
  }
  return merged
}

/** The ranges without single addresses. */
function cutOut(ranges: readonly Range[], holes: readonly bigint[]): Range[] {
  return holes.reduce<Range[]>(
    (list, hole) =>
      list.flatMap((range) => {
        if (!inRange(range, hole)) return [range]
        return [
          { first: range.first, last: hole - 1n },
          { first: hole + 1n, last: range.last },
        ].filter((r) => r.first <= r.last)
      }),
    [...ranges],
  )
}

/** Whether the address is one of the pool's. */
export function inPool({ cidr, ranges }: Pool, { family, value }: IP): boolean {
  return cidr.family === family && ranges.some((range) => inRange(range, value))
}

/** An address that a port asks for: any of the subnet, in its pools or not, that is not reserved. Throws Refused. */
export function checkFixed(pools: readonly Pool[], address: string): { ip: IP; pool: Pool } {
  const ip = parseIP(address)
  if (ip === undefined) throw new Refused('AddressInvalid', `${address} is no IP address`)
  const pool = pools.find((p) => contains(p.cidr, ip))
  if (pool === undefined) {
    const subnets = pools.map((p) => cidrText(p.cidr)).join(' and ')
    const has = subnets === '' ? 'the network has no subnets' : `the network has ${subnets}`
    throw new Refused('AddressOutsideSubnets', `${address} is in no subnet of the network: ${has}`)
  }
  const purpose = pool.reserved.get(ip.value)
  if (purpose !== undefined) {
    throw new Refused('AddressReserved', `${address} is ${purpose} of ${cidrText(pool.cidr)}: ask for another address`)
  }
  return { ip, pool }
}

export function cidrText({ family, first, prefixLength }: CIDR): string {
  return `${formatIP({ family, value: first })}/${prefixLength}`
}

/** The total as an int64 field can hold it: an IPv6 pool has more addresses than a double counts. */
export function totalOf(pool: Pool): number {
  return pool.total > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(pool.total)
}
