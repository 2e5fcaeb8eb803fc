/**
 * Renders the nftables rules for frames that a guest (VM) with port security sends. Pure.
 * Fields without a name in nft are written as @base,offset,length in bits; `th` is the UDP or ICMPv6 header. A rule
 * does not match a frame that lacks the tested field, such as a later fragment, so a drop rule could be evaded. The
 * rules therefore accept what is allowed and then drop the rest.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { linkLocalFromMac, toIPv6Hex, toMacHex } from './addresses.ts'
import type { DesiredPort } from './types.ts'

/** Each guest's own chain jumps first to this chain, which has the shared rules. */
export const COMMON_GUEST_CHAIN = 'every-guest'

/** A port without addresses may use any address, so only its MAC is checked. */
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

const frameRules = (mac: string): string[] => [
  `ether saddr != ${mac} counter drop`,
  `ether type 0x8035 @nh,48,64 0x0003${toMacHex(mac)} accept`,
  'ether type 0x8035 counter drop',
  `arp saddr ether != ${mac} counter drop`,
]

/** VLAN tags are not allowed, because a tag would hide the frame's addresses from the other rules. */
const vlanRules = ['ether type { 8021q, 8021ad } counter drop']

/**
 * A guest must not act as DHCP server, router or multicast querier. The DHCP rules also match the client's port,
 * because some clients accept an answer from any server port. A forged query could make the bridge stop forwarding a
 * multicast group to another guest.
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
 * dnsmasq identifies a DHCPv6 client by the link-layer address option of neighbour messages. So the option must have
 * the guest's MAC, right after the fixed part (8 bytes in a router solicitation, else 24), where all known systems send
 * it. Duplicate address detection can send a nonce (RFC 7527) there. Extension headers and fragments are dropped (RFC
 * 6980).
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

/** The rules of COMMON_GUEST_CHAIN. All guests share one chain, because nft takes longer the more rules there are. */
export const commonGuestRules: readonly string[] = [...vlanRules, ...serverRules, ...neighbourFormRules]

/** The DHCPv6 messages that clients send, from SOLICIT (1) to INFORMATION-REQUEST (11) (RFC 8415, section 7.3). */
const DHCP6_CLIENT_MESSAGES = [1, 3, 4, 5, 6, 8, 9, 11]

/**
 * A DHCP server identifies a client by chaddr or by data that a relay adds, so a message must have the guest's own MAC
 * and giaddr 0. Otherwise a guest could release another guest's address. `@th,256,80` is giaddr (byte 32 of the UDP
 * datagram) and chaddr.
 */
const dhcpClientRules = (mac: string, from4: string, from6: string): string[] => [
  `${from4} udp dport 67 @th,256,80 0x00000000${toMacHex(mac)} accept`,
  'ether type ip udp dport 67 counter drop',
  `${from6} udp dport 547 @th,64,8 ${renderSet(DHCP6_CLIENT_MESSAGES)} accept`,
  'ether type ip6 udp dport 547 counter drop',
]

/**
 * The owner of an address may give it up when it sees an ARP probe for it (RFC 5227). So a guest may probe (from
 * 0.0.0.0) only for its own addresses.
 */
const ipv4AddressRules = (own: string): string[] => [
  `arp saddr ip ${own} accept`,
  `arp saddr ip 0.0.0.0 arp daddr ip ${own} accept`,
  `ip saddr ${own} accept`,
]

/**
 * A guest may advertise only its own addresses. It may solicit from `::` only its own addresses, because such a
 * solicitation makes another guest give up the solicited address (RFC 4862). A multicast report from `::` (type 143,
 * RFC 3810) is accepted, because duplicate address detection begins with one. `@th,64,128` is the target address.
 */
const neighbourTargetRules = (own: string): string[] => [
  `icmpv6 type nd-neighbor-advert @th,64,128 != ${own} counter drop`,
  `ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${own} accept`,
  'ip6 saddr :: icmpv6 type 143 accept',
]

/**
 * Accepts IPv6 packets with at least one byte after the extension headers, and later fragments. A first fragment that
 * ends within these headers could hide a router advertisement from the other rules. Not all receivers drop it (RFC
 * 7112).
 */
const completeHeaderRules = (from6: string): string[] => [
  `${from6} @th,0,8 0-255 accept`,
  `${from6} frag frag-off != 0 accept`,
]
