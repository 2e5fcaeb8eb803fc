/**
 * The addresses that ports of a subnet get: the ranges in its spec, without addresses that the Network itself uses or
 * names (reserved.ts).
 */
import { Refused, type Subnet } from '../../crds/index.ts'
import { type CIDR, cidrContains, formatCIDR, type IP, isInRange, parseIP, type Range } from './ip.ts'
import { requireCIDR, reservedAddressesOf, serviceAddressesOf } from './reserved.ts'

export interface Pool {
  readonly cidr: CIDR
  /** Ascending ranges that do not overlap, are not empty and contain no reserved address, resolver or next hop. */
  readonly ranges: readonly Range[]
  /** How many addresses the ranges contain. */
  readonly total: bigint
  /** The addresses that no port gets, even if it asks for one of them, each with its purpose in words. */
  readonly reserved: ReadonlyMap<bigint, string>
}

/**
 * @param subnets all subnets of the Network. The pool leaves out their DNS servers and routers, because the address of
 * one may lie in this subnet
 * @throws Bug error if the subnet's CIDR cannot be parsed, because the API server should not have accepted it
 */
export function poolOf(subnet: Subnet, subnets: readonly Subnet[] = [subnet]): Pool {
  const cidr = requireCIDR(subnet)
  const reserved = reservedAddressesOf(subnet, subnets)
  const named = serviceAddressesOf(subnets, cidr.family)
  const ranges = excludeAddresses(mergeRanges(configuredRanges(subnet, cidr)), [...reserved.keys(), ...named])
  return { cidr, ranges, reserved, total: ranges.reduce((sum, r) => sum + rangeSize(r), 0n) }
}

export const poolsOf = (subnets: readonly Subnet[]): Pool[] => subnets.map((subnet) => poolOf(subnet, subnets))

const rangeSize = ({ first, last }: Range) => last - first + 1n

/**
 * A subnet without pools is one range. Pools outside of the subnet, and pools that end before they start, are left out.
 */
function configuredRanges(subnet: Subnet, cidr: CIDR): Range[] {
  if (subnet.pools === undefined || subnet.pools.length === 0) return [cidr]
  return subnet.pools.flatMap(({ start, end }) => {
    const [a, b] = [parseIP(start), parseIP(end)]
    return a && b && cidrContains(cidr, a) && cidrContains(cidr, b) && a.value <= b.value
      ? [{ first: a.value, last: b.value }]
      : []
  })
}

function mergeRanges(ranges: Range[]): Range[] {
  const merged: Range[] = []
  for (const range of ranges.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = merged.at(-1)
    if (before && range.first <= before.last + 1n) {
      merged[merged.length - 1] = { first: before.first, last: before.last > range.last ? before.last : range.last }
    } else merged.push(range)
  }
  return merged
}

function excludeAddresses(ranges: readonly Range[], excluded: readonly bigint[]): Range[] {
  return excluded.reduce<Range[]>(
    (list, address) =>
      list.flatMap((range) => {
        if (!isInRange(range, address)) return [range]
        return [
          { first: range.first, last: address - 1n },
          { first: address + 1n, last: range.last },
        ].filter((r) => r.first <= r.last)
      }),
    [...ranges],
  )
}

export function isInPool({ cidr, ranges }: Pool, { family, value }: IP): boolean {
  return cidr.family === family && ranges.some((range) => isInRange(range, value))
}

/**
 * The address may lie outside the pools, but must not be reserved.
 * @throws Refused error (the user must ask for another address) with the code InvalidAddress, AddressOutsideSubnets or
 * AddressReserved
 */
export function parseRequestedAddress(pools: readonly Pool[], address: string): { ip: IP; pool: Pool } {
  const ip = parseIP(address)
  if (ip === undefined) throw new Refused('InvalidAddress', `${address} is no IP address`)
  const pool = pools.find((p) => cidrContains(p.cidr, ip))
  if (pool === undefined) {
    const subnets = pools.map((p) => formatCIDR(p.cidr)).join(' and ')
    const has = subnets === '' ? 'the network has no subnets' : `the network has ${subnets}`
    throw new Refused('AddressOutsideSubnets', `${address} is in no subnet of the network: ${has}`)
  }
  const purpose = pool.reserved.get(ip.value)
  if (purpose !== undefined) {
    throw new Refused(
      'AddressReserved',
      `${address} is ${purpose} of ${formatCIDR(pool.cidr)}: ask for another address`,
    )
  }
  return { ip, pool }
}

/** The number of addresses in the pool, at most Number.MAX_SAFE_INTEGER: an IPv6 pool may have more. */
export function poolSizeOf(pool: Pool): number {
  return pool.total > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(pool.total)
}
