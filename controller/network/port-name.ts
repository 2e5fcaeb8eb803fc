/**
 * The name of a port that is made for a server. It is the claim of the port's first address: the API server takes a name once, so
 * two controllers at once cannot both give the address away.
 *
 *   <network>-10-0-0-5                                       IPv4
 *   <network>-2001-0db8-0000-0000-0000-0000-0000-0005        IPv6, all digits
 *   <network>-fa163e-0a1b2c                                  a network without subnets: the MAC
 *   …-<10 hex digits of the network's namespace>             a network of another namespace than the port's
 *
 * No two (network, address) have the same name: read from the right, the length of the last group (1-3, 4, 6, 10) tells the form,
 * each form has a fixed number of groups, and what is left is the network's name. A name too long is filled up to exactly 253
 * characters with a hash of the network's name.
 */
import { createHash } from 'node:crypto'
import { bits, type IP } from './ip.ts'

const MAX = 253
/** Fewer hex digits than this are no claim of difference. */
const MIN_HASH = 16

export interface PortNaming {
  readonly network: { readonly namespace: string; readonly name: string }
  /** The port's own namespace. */
  readonly namespace: string
  /** The first address, or the MAC (lower case, with colons) where there is none. */
  readonly of: IP | string
}

export function portName({ network, namespace, of }: PortNaming): string {
  const place = network.namespace === namespace ? '' : `-${sha256(network.namespace).slice(0, 10)}`
  const tail = `-${typeof of === 'string' ? macForm(of) : addressForm(of)}${place}`
  // 253 is kept for the names that are filled up: a plain one is shorter.
  if (network.name.length + tail.length < MAX) return network.name + tail
  const kept = network.name.slice(0, MAX - tail.length - 1 - MIN_HASH).replace(/[-.]+$/, '')
  const digits = MAX - tail.length - 1 - kept.length
  return `${kept}-${sha256(network.name).repeat(4).slice(0, digits)}${tail}`
}

function addressForm({ family, value }: IP): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('-')
  const hex = value.toString(16).padStart(bits(6) / 4, '0')
  return hex.match(/..../g)?.join('-') ?? ''
}

function macForm(mac: string): string {
  const hex = mac.replaceAll(':', '')
  return `${hex.slice(0, 6)}-${hex.slice(6)}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
