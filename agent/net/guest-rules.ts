/**
 * Renders the nftables rules for frames that a guest (VM) with port security sends. Pure.
 * Fields without a name in nft are written as @base,offset,length in bits; the base `th` is the start of the UDP or
 * ICMPv6 header. A rule does not match a frame that lacks the tested field, such as a later fragment. A guest could use
 * this to evade a drop rule, so the rules accept what is allowed and then drop the rest.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { linkLocalFromMac, toIPv6Hex, toMacHex } from './addresses.ts'
import type { DesiredPort } from './types.ts'

/** The chain with the rules that all guests share. Each guest's own chain jumps to it first. */
export const COMMON_GUEST_CHAIN = 'every-guest'

/**
 * Returns the rules of a guest's own chain, in order. A port without addresses may use any address, so only its MAC is
 * checked.
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

/**
 * A guest may send only from its own MAC. 0x8035 is RARP, which QEMU sends after a migration to tell switches where the
 * guest is now.
 */
const frameRules = (mac: string): string[] => [
  `ether saddr != ${mac} counter drop`,
  `ether type 0x8035 @nh,48,64 0x0003${toMacHex(mac)} accept`,
  'ether type 0x8035 counter drop',
  `arp saddr ether != ${mac} counter drop`,
]

/** VLAN tags are not allowed, because a tag would hide the frame's addresses from the other rules. */
const vlanRules = ['ether type { 8021q, 8021ad } counter drop']

/**
 * A guest must not act as DHCP server, router or multicast querier. The DHCP rules match the server's port (67, 547)
 * and also the client's port (68, 546), because some clients accept an answer from any server port. Queries are dropped
 * because a forged query for a multicast group could make the bridge stop forwarding that group to another guest.
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
 * dnsmasq identifies a DHCPv6 client by the link-layer address in the client's neighbour messages, so this address must
 * be the guest's MAC. The address is in an option of 8 bytes. The rules allow this option only right after the fixed
 * part of the message, where all known systems send it. The fixed part has 8 bytes in a router solicitation and 24 in
 * other messages. A message of duplicate address detection may have a nonce (RFC 7527) instead of this option. Messages
 * with extension headers or in fragments are dropped (RFC 6980).
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

/**
 * The rules of COMMON_GUEST_CHAIN. All guests share this one chain instead of having a copy each, because nft takes
 * longer the more rules there are.
 */
export const commonGuestRules: readonly string[] = [...vlanRules, ...serverRules, ...neighbourFormRules]

/**
 * The numbers of the DHCPv6 messages that clients send, from SOLICIT (1) to INFORMATION-REQUEST (11) (RFC 8415, section
 * 7.3).
 */
const DHCP6_CLIENT_MESSAGES = [1, 3, 4, 5, 6, 8, 9, 11]

/**
 * A DHCP server identifies a client by the MAC in the message (chaddr), or by data that a relay adds. So a message must
 * have the guest's own MAC and no relay (giaddr 0). Otherwise a guest could release another guest's address. The rule
 * compares giaddr and chaddr together: giaddr is at byte 32 of the UDP datagram (8 bytes of UDP header, then 24 bytes
 * of the DHCP message), and chaddr follows.
 */
const dhcpClientRules = (mac: string, from4: string, from6: string): string[] => [
  `${from4} udp dport 67 @th,256,80 0x00000000${toMacHex(mac)} accept`,
  'ether type ip udp dport 67 counter drop',
  `${from6} udp dport 547 @th,64,8 ${renderSet(DHCP6_CLIENT_MESSAGES)} accept`,
  'ether type ip6 udp dport 547 counter drop',
]

/**
 * An ARP probe (an ARP request from 0.0.0.0) asks whether an address is in use. When the owner of the address sees the
 * probe, it may give the address up (RFC 5227). So a guest may probe only for its own addresses.
 */
const ipv4AddressRules = (own: string): string[] => [
  `arp saddr ip ${own} accept`,
  `arp saddr ip 0.0.0.0 arp daddr ip ${own} accept`,
  `ip saddr ${own} accept`,
]

/**
 * A guest may advertise only its own addresses. A solicitation from `::` asks whether an address is in use (duplicate
 * address detection, RFC 4862) and could make another guest give its address up. So a guest may ask only for its own
 * addresses. Before it asks, it sends a multicast report from `::` (type 143, RFC 3810), so such reports are accepted.
 * The target address is at byte 8 of the ICMPv6 message.
 */
const neighbourTargetRules = (own: string): string[] => [
  `icmpv6 type nd-neighbor-advert @th,64,128 != ${own} counter drop`,
  `ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${own} accept`,
  'ip6 saddr :: icmpv6 type 143 accept',
]

/**
 * Accepts IPv6 packets with at least one byte after the extension headers, and all later fragments. Does not accept a
 * first fragment that ends within the extension headers: the other rules cannot see what it carries, for example a
 * router advertisement. RFC 7112 tells receivers to drop such a fragment, but not all do.
 */
const completeHeaderRules = (from6: string): string[] => [
  `${from6} @th,0,8 0-255 accept`,
  `${from6} frag frag-off != 0 accept`,
]
