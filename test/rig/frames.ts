/** Ethernet frames in hexadecimal, for tests that send frames which no kernel would send. */

const hexMac = (mac: string): string => mac.replaceAll(':', '')
export const hexIp = (ip: string): string =>
  ip
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')
const hex16 = (n: number): string => n.toString(16).padStart(4, '0')

/** Accepts short forms such as `fd00::5`, but no embedded IPv4. */
function hex6(ip: string): string {
  const [head = '', tail = ''] = ip.split('::')
  const groups = (part: string) => part.split(':').filter((g) => g !== '')
  const missing = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)]
  return all.map((group) => group.padStart(4, '0')).join('')
}

/** Tests find a captured frame by this payload. */
export const hexText = (text: string): string => Buffer.from(text).toString('hex')

interface EthernetAddresses {
  readonly from: string
  readonly to?: string
}
const BROADCAST = 'ff:ff:ff:ff:ff:ff'

function ethernetFrame({ from, to = BROADCAST }: EthernetAddresses, type: string, payload: string): string {
  return `${hexMac(to)}${hexMac(from)}${type}${payload}`
}

export const vlanTagged = (frame: string, vlan: number): string =>
  `${frame.slice(0, 24)}8100${hex16(vlan)}${frame.slice(24)}`

/**
 * `mac` is the sender's address in the ARP message. In a forged frame, it differs from the source address in the
 * Ethernet header.
 */
export function arpFrame(
  ends: EthernetAddresses,
  { mac = ends.from, ip, target, reply = false }: { mac?: string; ip: string; target: string; reply?: boolean },
  note = '',
): string {
  const body = `0001080006040${reply ? '002' : '001'}${hexMac(mac)}${hexIp(ip)}${'0'.repeat(12)}${hexIp(target)}`
  return ethernetFrame(ends, '0806', body + hexText(note))
}

/** The Internet checksum (RFC 1071). */
function internetChecksum(header: string): string {
  const words = header.match(/.{1,4}/g) ?? []
  let sum = words.reduce((total, word) => total + Number.parseInt(word.padEnd(4, '0'), 16), 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return hex16(~sum & 0xffff)
}

interface Datagram {
  readonly src: string
  readonly dst: string
  readonly sport: number
  readonly dport: number
  readonly text?: string
  /** Payload in hexadecimal. Default: `text`. */
  readonly body?: string
}

/** `protocol` is two hexadecimal digits: 02 is IGMP, 11 is UDP. */
export function ipv4Frame(
  ends: EthernetAddresses,
  protocol: string,
  { src, dst }: { src: string; dst: string },
  payload: string,
): string {
  const length = hex16(payload.length / 2 + 20)
  const header = (sum: string) => `4500${length}0001000040${protocol}${sum}${hexIp(src)}${hexIp(dst)}`
  return ethernetFrame(ends, '0800', header(internetChecksum(header('0000'))) + payload)
}

export function udpIpv4Frame(
  ends: EthernetAddresses,
  { src, dst, sport, dport, text = '', body = hexText(text) }: Datagram,
): string {
  const length = hex16(body.length / 2 + 8)
  return ipv4Frame(ends, '11', { src, dst }, `${hex16(sport)}${hex16(dport)}${length}0000${body}`)
}

/**
 * `next` is the type of the next header as two hexadecimal digits: 11 is UDP, 2c is a fragment header, 3a is ICMPv6.
 */
export function ipv6Frame(
  ends: EthernetAddresses,
  next: string,
  { src, dst }: { src: string; dst: string },
  payload: string,
): string {
  const length = hex16(payload.length / 2)
  return ethernetFrame(ends, '86dd', `60000000${length}${next}ff${hex6(src)}${hex6(dst)}${payload}`)
}

/** The checksum also covers the IPv6 addresses (RFC 8200, section 8.1). */
function withIpv6Checksum(
  { src, dst }: { src: string; dst: string },
  next: string,
  packet: (sum: string) => string,
): string {
  const plain = packet('0000')
  return packet(internetChecksum(`${hex6(src)}${hex6(dst)}0000${hex16(plain.length / 2)}000000${next}${plain}`))
}

export function udpIpv6Frame(
  ends: EthernetAddresses,
  { src, dst, sport, dport, text = '', body = hexText(text) }: Datagram,
): string {
  const ports = `${hex16(sport)}${hex16(dport)}${hex16(body.length / 2 + 8)}`
  const packet = withIpv6Checksum({ src, dst }, '11', (sum) => `${ports}${sum}${body}`)
  return ipv6Frame(ends, '11', { src, dst }, packet)
}

interface Icmp6 {
  readonly src: string
  readonly dst: string
  readonly type: number
  readonly target?: string
  /** Options after the target address, in hexadecimal; default: none. */
  readonly options?: string
  /** Everything after the checksum, in hexadecimal; default: four zero bytes, the target address and the options. */
  readonly body?: string
}

/** Types: 134 router advertisement, 135 neighbour solicitation, 136 neighbour advertisement, 137 redirect. */
export function icmpv6Frame(ends: EthernetAddresses, message: Icmp6): string {
  return ipv6Frame(ends, '3a', message, icmpv6Message(message))
}

export function icmpv6Message({ src, dst, type, target = '::', options = '', body }: Icmp6): string {
  const start = type.toString(16).padStart(2, '0')
  const rest = body ?? `00000000${hex6(target)}${options}`
  return withIpv6Checksum({ src, dst }, '3a', (sum) => `${start}00${sum}${rest}`)
}

/** A neighbour discovery option with the link-layer address of the source (type 1) or the target (type 2). */
export const linkOption = (type: 1 | 2, mac: string): string => `0${type}01${hexMac(mac)}`

/** `next` is the type of the following header, as in ipv6Frame(). `offset` is in bytes. */
export const ipv6FragmentHeader = (next: string, { offset = 0, more = false, id = 1 }): string =>
  `${next}00${hex16(offset | (more ? 1 : 0))}${id.toString(16).padStart(8, '0')}`

interface DhcpMessage {
  /** Type of the message: 1 DISCOVER, 3 REQUEST, 4 DECLINE, 7 RELEASE, 8 INFORM (RFC 2132, section 9.6). */
  readonly type: number
  readonly chaddr: string
  readonly ciaddr?: string
  readonly giaddr?: string
  /** Options besides the message type: by option code, the value in hexadecimal. */
  readonly options?: Readonly<Record<number, string>>
}

/** A DHCP message of a client (RFC 2131, section 2) in hexadecimal, as the body of a UDP datagram. */
export function dhcpMessage({
  type,
  chaddr,
  ciaddr = '0.0.0.0',
  giaddr = '0.0.0.0',
  options = {},
}: DhcpMessage): string {
  const hex8 = (n: number) => n.toString(16).padStart(2, '0')
  const all = Object.entries({ 53: hex8(type), ...options }).map(
    ([code, value]) => `${hex8(Number(code))}${hex8(value.length / 2)}${value}`,
  )
  const addresses = `${hexIp(ciaddr)}${'0'.repeat(16)}${hexIp(giaddr)}${hexMac(chaddr)}${'0'.repeat(20)}`
  return `01010600cafe0001${'0'.repeat(8)}${addresses}${'0'.repeat(384)}63825363${all.join('')}ff`
}

/** QEMU announces a migrated guest with a RARP frame. Operation 3 is a request, 4 a reply. */
export const rarpFrame = (ends: EthernetAddresses, { mac = ends.from, operation = 3 } = {}): string =>
  ethernetFrame(ends, '8035', `0001080006040${hex16(operation).slice(1)}${hexMac(mac)}00000000${hexMac(mac)}00000000`)

export const frameOfEtherType = (ends: EthernetAddresses, type: string, text: string): string =>
  ethernetFrame(ends, type, hexText(text))
