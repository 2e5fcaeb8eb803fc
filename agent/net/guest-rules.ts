/**
 * The nftables rules for frames that a guest with port security sends. A field for which nft has no name is written as
 * @base,offset,length in bits; the base `th` is the start of the UDP or ICMPv6 header. A rule does not match if its
 * field is missing from the frame (cut off, or in another fragment). Where a guest could evade a drop rule that way,
 * there is an accept rule instead, and what it does not match is dropped. Pure.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { linkLocalFromMac, toIPv6Hex, toMacHex } from './addresses.ts'
import type { DesiredPort } from './types.ts'

/** Name of the chain with the rules that are the same for all guests; every guest's chain jumps to it first. */
export const COMMON_GUEST_CHAIN = 'every-guest'

/**
 * The rules of the guest's chain, in order. A port without addresses is bound to its MAC only, because any address may
 * be right.
 */
export function guestRules({ mac, fixedIPs }: DesiredPort): string[] {
  const v4 = fixedIPs.map((ip) => ip.address).filter((a) => isIPv4(a))
  const v6 = [linkLocalFromMac(mac), ...fixedIPs.map((ip) => ip.address).filter((a) => isIPv6(a))]
  const macRules = [`jump ${COMMON_GUEST_CHAIN}`, ...frameRules(mac), ...neighbourOptionRules(mac)]
  if (fixedIPs.length === 0) {
    return [
      ...macRules,
      ...dhcpClientRules(mac, 'ether type ip', 'ether type ip6'),
      ...completeHeaderRules('ether type ip6'),
      'ether type ip6 counter drop',
    ]
  }
  const from6 = `ip6 saddr ${renderSet(v6)}`
  return [
    ...macRules,
    ...dhcpClientRules(mac, `ip saddr ${renderSet(['0.0.0.0', ...v4])}`, from6),
    ...(v4.length === 0 ? [] : ipv4AddressRules(renderSet(v4))),
    ...neighbourTargetRules(renderSet(v6.map(toIPv6Hex))),
    ...completeHeaderRules(from6),
    'counter drop',
  ]
}

const renderSet = (members: readonly (string | number)[]): string => `{ ${members.join(', ')} }`

/** 0x8035 is RARP: QEMU sends a RARP request after a migration, so that switches learn where the guest is. */
const frameRules = (mac: string): string[] => [
  `ether saddr != ${mac} counter drop`,
  `ether type 0x8035 @nh,48,64 0x0003${toMacHex(mac)} accept`,
  'ether type 0x8035 counter drop',
  `arp saddr ether != ${mac} counter drop`,
]

/** A VLAN tag would hide the frame's addresses from the other rules. */
const vlanRules = ['ether type { 8021q, 8021ad } counter drop']

/**
 * A guest must not act as a DHCP server, a router or a multicast querier. Some DHCP clients accept an answer to their
 * port from any port of the server, so both ports are matched. With a multicast query for a neighbour's group, which
 * only bridges hear, a guest could make the bridge stop forwarding to the neighbour, neighbour solicitations included.
 */
const serverRules = [
  'ether type ip udp sport 67 counter drop',
  'ether type ip udp dport 68 counter drop',
  'ether type ip6 udp sport 547 counter drop',
  'ether type ip6 udp dport 546 counter drop',
  'icmpv6 type { nd-router-advert, nd-redirect, mld-listener-query } counter drop',
  'igmp type membership-query counter drop',
]

const NEIGHBOUR_MESSAGES = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }'

/**
 * Solicitations and advertisements carry a link-layer address, which must be the guest's own, because dnsmasq
 * identifies a DHCPv6 client by it. These rules leave only one place where it can be: right behind the fixed part (8
 * bytes of a router solicitation, 24 of the others), in a single option of 8 bytes, without extension headers. All
 * known systems send that form; duplicate address detection has a nonce in the option (RFC 7527). Receivers must drop
 * fragments of these messages, too (RFC 6980).
 */
const neighbourFormRules = [
  'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 nexthdr != icmpv6 counter drop',
  'icmpv6 type nd-router-solicit ip6 length != { 8, 16 } counter drop',
  `${NEIGHBOUR_MESSAGES} ip6 length != { 24, 32 } counter drop`,
]
const neighbourOptionRules = (mac: string): string[] => [
  `icmpv6 type nd-router-solicit ip6 length 16 @th,64,8 1 @th,80,48 != 0x${toMacHex(mac)} counter drop`,
  `${NEIGHBOUR_MESSAGES} ip6 length 32 @th,192,8 { 1, 2 } @th,208,48 != 0x${toMacHex(mac)} counter drop`,
]

/** The rules that are the same for all guests. They are in one chain, because nft takes time for each rule. */
export const commonGuestRules: readonly string[] = [...vlanRules, ...serverRules, ...neighbourFormRules]

/**
 * The types of messages that clients send: SOLICIT, REQUEST, CONFIRM, RENEW, REBIND, RELEASE, DECLINE,
 * INFORMATION-REQUEST (RFC 8415, section 7.3).
 */
const DHCP6_CLIENT_MESSAGES = [1, 3, 4, 5, 6, 8, 9, 11]

/**
 * A DHCP server identifies a client by the MAC in the message (chaddr) or by a relay's word. So the message must have
 * the guest's own MAC and no relay; otherwise a guest could decline or release a neighbour's address. giaddr, the
 * relay's address, is right before chaddr, 8 + 24 bytes into the UDP datagram.
 */
const dhcpClientRules = (mac: string, from4: string, from6: string): string[] => [
  `${from4} udp dport 67 @th,256,80 0x00000000${toMacHex(mac)} accept`,
  'ether type ip udp dport 67 counter drop',
  `${from6} udp dport 547 @th,64,8 ${renderSet(DHCP6_CLIENT_MESSAGES)} accept`,
  'ether type ip6 udp dport 547 counter drop',
]

/**
 * An ARP probe from 0.0.0.0 asks whether an address is in use, and its owner may give the address up then (RFC 5227).
 * So a guest may probe for its own addresses only.
 */
const ipv4AddressRules = (own: string): string[] => [
  `arp saddr ip ${own} accept`,
  `arp saddr ip 0.0.0.0 arp daddr ip ${own} accept`,
  `ip saddr ${own} accept`,
]

/**
 * A guest may advertise its own addresses only. The same holds for solicitations from `::`: these are duplicate address
 * detection (RFC 4862), on which another guest would give the address up. 143 is the multicast report that goes with it
 * (RFC 3810). The target is 8 bytes into the ICMPv6 header.
 */
const neighbourTargetRules = (own: string): string[] => [
  `icmpv6 type nd-neighbor-advert @th,64,128 != ${own} counter drop`,
  `ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${own} accept`,
  'ip6 saddr :: icmpv6 type 143 accept',
]

/**
 * A first fragment that ends within the extension headers hides the message behind them, such as a router
 * advertisement. Hosts must drop it (RFC 7112), but not all do. So a packet must have at least one byte behind these
 * headers, or be a later fragment.
 */
const completeHeaderRules = (from6: string): string[] => [
  `${from6} @th,0,8 0-255 accept`,
  `${from6} frag frag-off != 0 accept`,
]
