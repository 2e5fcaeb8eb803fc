/** The little arithmetic on addresses that DHCP and the filters need; parsing is ip-address's. */
import { isIPv4 } from 'node:net'
import { Address4, Address6 } from 'ip-address'

/** The network's first address: 10.0.0.5/24 → 10.0.0.0. */
export function networkAddress(address: string, prefixLength: number): string {
  const cidr = `${address}/${prefixLength}`
  return isIPv4(address)
    ? new Address4(cidr).startAddress().correctForm()
    : new Address6(cidr).startAddress().correctForm()
}

/** 24 → 255.255.255.0. */
export function netmask(prefixLength: number): string {
  return new Address4(`255.255.255.255/${prefixLength}`).startAddress().correctForm()
}

/** An IPv6 address as one hexadecimal number, as nft wants raw payload: 0x and 32 digits. */
export function ipv6Hex(address: string): string {
  return `0x${new Address6(address).bigInt().toString(16).padStart(32, '0')}`
}

/** The link-local address that a MAC gives by RFC 4291, appendix A (EUI-64). */
export function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((part) => Number.parseInt(part, 16))
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f]
  return new Address6(`fe80::${groups.map((group) => group.toString(16)).join(':')}`).correctForm()
}

/** A MAC as 12 hexadecimal digits, a part of what nft compares with raw payload. */
export const macHex = (mac: string): string => mac.replaceAll(':', '')
