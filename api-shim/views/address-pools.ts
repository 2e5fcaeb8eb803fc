import { Address4, Address6 } from 'ip-address'
import type { Subnet } from '../../crds/index.ts'

export interface Pool {
  start: string
  end: string
}

type Family = typeof Address4 | typeof Address6
const familyOf = (text: string): Family => (text.includes(':') ? Address6 : Address4)
const numberOf = (address: string): bigint => new (familyOf(address))(address).bigInt()

function usableRange(cidr: string): { first: bigint; last: bigint } {
  const range = new (familyOf(cidr))(cidr)
  const [start, end] = [range.startAddress().bigInt(), range.endAddress().bigInt()]
  // The smallest ranges have no network address and no broadcast address; IPv6 has no broadcast address.
  if (end - start < 2n) return { first: start, last: end }
  return { first: start + 1n, last: cidr.includes(':') ? end : end - 1n }
}

const printAs = (cidr: string, value: bigint): string => {
  const address = cidr.includes(':') ? Address6.fromBigInt(value) : Address4.fromBigInt(value)
  return address.correctForm()
}

/** The first address that a host can have, which is Neutron's default for the gateway. */
export const firstAddressOf = (cidr: string): string => printAs(cidr, usableRange(cidr).first)

/**
 * Returns the pools of a subnet. If the spec names no pools, they are all usable addresses except those of the gateway
 * and of DHCP.
 */
export function poolsOf({ cidr, pools, gateway, dhcp, dhcpAddress }: Subnet): Pool[] {
  if (pools && pools.length > 0) return pools.map(({ start, end }) => ({ start, end }))
  const { first, last } = usableRange(cidr)
  const router = gateway === undefined ? undefined : numberOf(gateway)
  // DHCP answers from the last address, or from the one before it if the last one is the gateway's.
  const ofDhcp = last === router && last > first ? last - 1n : last
  const taken = [
    ...(router === undefined ? [] : [router]),
    ...(dhcpAddress !== undefined ? [numberOf(dhcpAddress)] : dhcp ? [ofDhcp] : []),
  ].toSorted((a, b) => (a < b ? -1 : 1))
  const ranges: Pool[] = []
  let start = first
  for (const address of [...taken, last + 1n]) {
    if (address > start) ranges.push({ start: printAs(cidr, start), end: printAs(cidr, address - 1n) })
    if (address >= start) start = address + 1n
  }
  return ranges
}

/** The range with its host bits removed: `10.0.0.7/24` is `10.0.0.0/24`. Undefined if the text is no range. */
export function canonicalCidr(text: string): string | undefined {
  const [address = '', length, ...more] = text.split('/')
  if (length === undefined || more.length > 0 || address.includes('%')) return undefined
  const family = familyOf(address)
  if (!/^\d{1,3}$/.test(length) || !family.isValid(text)) return undefined
  return `${printAs(text, new family(text).startAddress().bigInt())}/${Number(length)}`
}
