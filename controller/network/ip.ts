/** The library ip-address parses and prints addresses; this file compares and counts them as numbers. */
import { Address4, Address6 } from 'ip-address'

export type Family = 4 | 6
export interface IP {
  readonly family: Family
  readonly value: bigint
}

/** A range of addresses, both ends included. */
export interface Range {
  readonly first: bigint
  readonly last: bigint
}

export interface CIDR extends Range {
  readonly family: Family
  readonly prefixLength: number
}

export const addressBits = (family: Family): 32 | 128 => (family === 4 ? 32 : 128)

/** Returns undefined if the text is not an address, or has a prefix length (10.0.0.1/24) or a zone (fe80::1%eth0). */
export function parseIP(text: string): IP | undefined {
  if (/[/%]/.test(text)) return undefined
  if (Address4.isValid(text)) return { family: 4, value: new Address4(text).bigInt() }
  if (Address6.isValid(text)) return { family: 6, value: new Address6(text).bigInt() }
  return undefined
}

/** Returns the canonical spelling of an address (RFC 5952), so that two spellings of one address are equal texts. */
export function formatIP({ family, value }: IP): string {
  if (family === 6) return Address6.fromBigInt(value).correctForm()
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
}

/** Parses a CIDR and drops its host bits. Returns undefined if the text is not a CIDR. */
export function parseCIDR(text: string): CIDR | undefined {
  const [address = '', length = '', ...more] = text.split('/')
  const ip = parseIP(address)
  if (ip === undefined || more.length > 0 || !/^\d{1,3}$/.test(length)) return undefined
  const prefixLength = Number(length)
  if (prefixLength > addressBits(ip.family)) return undefined
  const size = 1n << BigInt(addressBits(ip.family) - prefixLength)
  const first = (ip.value / size) * size
  return { family: ip.family, prefixLength, first, last: first + size - 1n }
}

export function formatCIDR({ family, first, prefixLength }: CIDR): string {
  return `${formatIP({ family, value: first })}/${prefixLength}`
}

export function cidrContains(cidr: CIDR, ip: IP): boolean {
  return cidr.family === ip.family && isInRange(cidr, ip.value)
}

export function isInRange({ first, last }: Range, value: bigint): boolean {
  return first <= value && value <= last
}

export function rangesOverlap(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last
}
