/** Ethernet frames as hexadecimal, field by field, for tests that send what no kernel would. */

const hexMac = (mac: string): string => mac.replaceAll(':', '')
export const hexIp = (ip: string): string =>
  ip
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')
const hex16 = (n: number): string => n.toString(16).padStart(4, '0')

/** `fd00::5`, without an embedded IPv4 address. */
function hex6(ip: string): string {
  const [head = '', tail = ''] = ip.split('::')
  const groups = (part: string) => part.split(':').filter((g) => g !== '')
  const missing = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)]
  return all.map((group) => group.padStart(4, '0')).join('')
}

/** Text as a payload that a listener finds again. */
export const mark = (text: string): string => Buffer.from(text).toString('hex')

interface Ends {
  readonly from: string
  readonly to?: string
}
const BROADCAST = 'ff:ff:ff:ff:ff:ff'

function ethernet({ from, to = BROADCAST }: Ends, type: string, payload: string): string {
  return `${hexMac(to)}${hexMac(from)}${type}${payload}`
}

/** 802.1Q: [destination, source, 8100, tag][the rest of the frame]. */
export const tagged = (frame: string, vlan: number): string =>
  `${frame.slice(0, 24)}8100${hex16(vlan)}${frame.slice(24)}`

/** A request, or with `reply` an answer; sender hardware address is `mac`, which a liar makes another than the frame's. */
export function arp(
  ends: Ends,
  { mac = ends.from, ip, target, reply = false }: { mac?: string; ip: string; target: string; reply?: boolean },
  note = '',
): string {
  const body = `0001080006040${reply ? '002' : '001'}${hexMac(mac)}${hexIp(ip)}${'0'.repeat(12)}${hexIp(target)}`
  return ethernet(ends, '0806', body + mark(note))
}

function checksum(header: string): string {
  const words = header.match(/.{4}/g) ?? []
  const sum = words.reduce((total, word) => total + Number.parseInt(word, 16), 0)
  return hex16(~((sum & 0xffff) + (sum >>> 16)) & 0xffff)
}

interface Datagram {
  readonly src: string
  readonly dst: string
  readonly sport: number
  readonly dport: number
  readonly text: string
}

export function udp4(ends: Ends, { src, dst, sport, dport, text }: Datagram): string {
  const body = mark(text)
  const length = body.length / 2 + 8
  const header = (sum: string) => `4500${hex16(length + 20)}000100004011${sum}${hexIp(src)}${hexIp(dst)}`
  const packet = `${header(checksum(header('0000')))}${hex16(sport)}${hex16(dport)}${hex16(length)}0000${body}`
  return ethernet(ends, '0800', packet)
}

export function udp6(ends: Ends, { src, dst, sport, dport, text }: Datagram): string {
  const body = mark(text)
  const length = hex16(body.length / 2 + 8)
  const packet = `60000000${length}1140${hex6(src)}${hex6(dst)}${hex16(sport)}${hex16(dport)}${length}0000${body}`
  return ethernet(ends, '86dd', packet)
}

/** Router advertisement 134, neighbour advertisement 136; without a right checksum, which no bridge looks at. */
export function icmp6(
  ends: Ends,
  { src, dst, type, target = '::', text }: { src: string; dst: string; type: number; target?: string; text: string },
): string {
  const body = `${type.toString(16).padStart(2, '0')}00000000000000${hex6(target)}${mark(text)}`
  return ethernet(ends, '86dd', `60000000${hex16(body.length / 2)}3aff${hex6(src)}${hex6(dst)}${body}`)
}

/** RARP, by which QEMU announces a guest that has moved. */
export const rarp = (ends: Ends, text: string): string => ethernet(ends, '8035', `0001080006040003${mark(text)}`)

/** A frame of any other type. */
export const other = (ends: Ends, type: string, text: string): string => ethernet(ends, type, mark(text))
