/** IP addresses and ranges as numbers: parsed and printed by ip-address, compared and counted here. */
import { Address4, Address6 } from 'ip-address'

export type Family = 4 | 6
export interface IP {
  readonly family: Family
  readonly value: bigint
}

/** First to last, both in it. */
export interface Range {
  readonly first: bigint
  readonly last: bigint
}

export interface CIDR extends Range {
  readonly family: Family
  readonly prefixLength: number
}

export const bits = (family: Family): 32 | 128 => (family === 4 ? 32 : 128)

/** undefined where `text` is no plain address: one with a prefix length or a zone is none. */
export function parseIP(text: string): IP | undefined {
  if (/[/%]/.test(text)) return undefined
  if (Address4.isValid(text)) return { family: 4, value: new Address4(text).bigInt() }
  if (Address6.isValid(text)) return { family: 6, value: new Address6(text).bigInt() }
  return undefined
}

/** The one spelling of an address (RFC 5952), so that two spellings cannot pass for two addresses. */
export function formatIP({ family, value }: IP): string {
  if (family === 6) return Address6.fromBigInt(value).correctForm()
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
}

/** Host bits are cut off. undefined where `text` is no CIDR. */
export function parseCIDR(text: string): CIDR | undefined {
  const [address = '', length = '', ...more] = text.split('/')
  const ip = parseIP(address)
  if (ip === undefined || more.length > 0 || !/^\d{1,3}$/.test(length)) return undefined
  const prefixLength = Number(length)
  if (prefixLength > bits(ip.family)) return undefined
  const size = 1n << BigInt(bits(ip.family) - prefixLength)
  const first = (ip.value / size) * size
  return { family: ip.family, prefixLength, first, last: first + size - 1n }
}

export function contains(cidr: CIDR, ip: IP): boolean {
  return cidr.family === ip.family && inRange(cidr, ip.value)
}

export function inRange({ first, last }: Range, value: bigint): boolean {
  return first <= value && value <= last
}

export function overlap(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last
}
