/**
 * What a guest with port security may send. Fields that nft has no name for are said as @base,offset,length in bits; `th` begins at
 * the UDP or ICMPv6 header. A rule whose field is not in the frame (cut off, or in another fragment) does not match: what must not be
 * evaded so is said as what passes, and the rest is dropped.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { ipv6Hex, linkLocal, macHex } from './addresses.ts'
import type { DesiredPort } from './types.ts'

/** The chain that every guest's chain begins with. */
export const EVERY_GUEST = 'every-guest'

/** Rules of the guest's chain, in order. A port without addresses is held to its MAC only: nobody knows which ones are right there. */
export function guestRules({ mac, fixedIPs }: DesiredPort): string[] {
  const v4 = fixedIPs.map((ip) => ip.address).filter((a) => isIPv4(a))
  const v6 = [linkLocal(mac), ...fixedIPs.map((ip) => ip.address).filter((a) => isIPv6(a))]
  const held = [`jump ${EVERY_GUEST}`, ...frameRules(mac), ...neighbourOptions(mac)]
  if (fixedIPs.length === 0) {
    return [
      ...held,
      ...dhcpRules(mac, 'ether type ip', 'ether type ip6'),
      ...wholeHeaders('ether type ip6'),
      ...noOther6,
    ]
  }
  const from6 = `ip6 saddr ${set(v6)}`
  return [
    ...held,
    ...dhcpRules(mac, `ip saddr ${set(['0.0.0.0', ...v4])}`, from6),
    ...(v4.length === 0 ? [] : addressRules4(set(v4))),
    ...neighbourTargets(set(v6.map(ipv6Hex))),
    ...wholeHeaders(from6),
    'counter drop',
  ]
}

const set = (members: readonly (string | number)[]): string => `{ ${members.join(', ')} }`

/** 0x8035 is RARP: by its request QEMU tells switches where the guest is after a migration. */
const frameRules = (mac: string): string[] => [
  `ether saddr != ${mac} counter drop`,
  `ether type 0x8035 @nh,48,64 0x0003${macHex(mac)} accept`,
  'ether type 0x8035 counter drop',
  `arp saddr ether != ${mac} counter drop`,
]

/** A VLAN tag would hide the addresses behind it. */
const noTag = ['ether type { 8021q, 8021ad } counter drop']

/**
 * DHCP clients look at their own port, and some not at the server's. By a multicast query for a neighbour's group, that only bridges hear, a
 * guest would end what the bridge sends there, neighbour solicitations too.
 */
const noServer = [
  'ether type ip udp sport 67 counter drop',
  'ether type ip udp dport 68 counter drop',
  'ether type ip6 udp sport 547 counter drop',
  'ether type ip6 udp dport 546 counter drop',
  'icmpv6 type { nd-router-advert, nd-redirect, mld-listener-query } counter drop',
  'igmp type membership-query counter drop',
]

const NEIGHBOUR = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }'

/**
 * Solicitations and advertisements tell a link-layer address, which must be the guest's own: by it dnsmasq knows who asks by DHCPv6.
 * It is looked for in the only place where it may be: right behind the fixed part (8 bytes of a router solicitation, 24 of the
 * others), one option of 8 bytes at most, no extension headers. So do all that we know; duplicate address detection has a nonce there
 * (RFC 7527). Fragments of these, receivers are to drop, too (RFC 6980).
 */
const neighbourForm = [
  'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 nexthdr != icmpv6 counter drop',
  'icmpv6 type nd-router-solicit ip6 length != { 8, 16 } counter drop',
  `${NEIGHBOUR} ip6 length != { 24, 32 } counter drop`,
]
const neighbourOptions = (mac: string): string[] => [
  `icmpv6 type nd-router-solicit ip6 length 16 @th,64,8 1 @th,80,48 != 0x${macHex(mac)} counter drop`,
  `${NEIGHBOUR} ip6 length 32 @th,192,8 { 1, 2 } @th,208,48 != 0x${macHex(mac)} counter drop`,
]

/** What no guest may send, whoever it is: said once, for nft takes its time for each rule. */
export const everyGuestsRules: readonly string[] = [...noTag, ...noServer, ...neighbourForm]

/** What clients send: SOLICIT, REQUEST, CONFIRM, RENEW, REBIND, RELEASE, DECLINE, INFORMATION-REQUEST (RFC 8415, section 7.3). */
const DHCP6_CLIENT = [1, 3, 4, 5, 6, 8, 9, 11]

/**
 * A server knows its client by the MAC in the message (chaddr), or by what a relay says: a guest speaks for itself and is no relay.
 * Else it could decline or release a neighbour's address. giaddr, the relay, is right before chaddr: 8 + 24 bytes.
 */
const dhcpRules = (mac: string, from4: string, from6: string): string[] => [
  `${from4} udp dport 67 @th,256,80 0x00000000${macHex(mac)} accept`,
  'ether type ip udp dport 67 counter drop',
  `${from6} udp dport 547 @th,64,8 ${set(DHCP6_CLIENT)} accept`,
  'ether type ip6 udp dport 547 counter drop',
]

/** 0.0.0.0 asks whether an address is in use; who holds it gives it up (RFC 5227), so that a guest may ask for its own only. */
const addressRules4 = (own: string): string[] => [
  `arp saddr ip ${own} accept`,
  `arp saddr ip 0.0.0.0 arp daddr ip ${own} accept`,
  `ip saddr ${own} accept`,
]

/**
 * Who speaks for an address must own it, and who asks from nowhere, as duplicate address detection does (RFC 4862), makes others give
 * it up. 143 is the multicast report that goes with it (RFC 3810). The target is 8 bytes into the ICMPv6 header.
 */
const neighbourTargets = (own: string): string[] => [
  `icmpv6 type nd-neighbor-advert @th,64,128 != ${own} counter drop`,
  `ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${own} accept`,
  'ip6 saddr :: icmpv6 type 143 accept',
]

/**
 * A first fragment that ends within the extension headers hides what comes behind them, a router advertisement for one; hosts are to drop
 * it (RFC 7112), and not all do. So a packet must have a first byte behind these headers, or be a later fragment.
 */
const wholeHeaders = (from6: string): string[] => [
  `${from6} @th,0,8 0-255 accept`,
  `${from6} frag frag-off != 0 accept`,
]
const noOther6 = ['ether type ip6 counter drop']
