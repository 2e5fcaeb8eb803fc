import { isIPv4 } from 'node:net'
import { Address4, Address6 } from 'ip-address'

/** Returns the first address of the subnet: 10.0.0.5 with the prefix length 24 gives 10.0.0.0. */
export function networkAddressOf(address: string, prefixLength: number): string {
  const cidr = `${address}/${prefixLength}`
  return isIPv4(address)
    ? new Address4(cidr).startAddress().correctForm()
    : new Address6(cidr).startAddress().correctForm()
}

export function netmaskOf(prefixLength: number): string {
  return new Address4(`255.255.255.255/${prefixLength}`).startAddress().correctForm()
}

/** Converts an IPv6 address to 0x and 32 hexadecimal digits, for nft rules that compare raw payload. */
export function toIPv6Hex(address: string): string {
  return `0x${new Address6(address).bigInt().toString(16).padStart(32, '0')}`
}

/** Returns the link-local address that a guest derives from its MAC (EUI-64; RFC 4291, appendix A). */
export function linkLocalFromMac(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((part) => Number.parseInt(part, 16))
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f]
  return new Address6(`fe80::${groups.map((group) => group.toString(16)).join(':')}`).correctForm()
}

/** Converts a MAC to 12 hexadecimal digits, for nft rules that compare raw payload. */
export const toMacHex = (mac: string): string => mac.replaceAll(':', '')
