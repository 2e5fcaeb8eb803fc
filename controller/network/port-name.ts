/**
 * The name of a port that the controller creates for a server. The name reserves the port's first address: the API
 * server accepts a name only once, so two controllers cannot both give out the same address. The forms:
 *
 * - IPv4: `<network>-10-0-0-5`
 * - IPv6, with all digits: `<network>-2001-0db8-0000-0000-0000-0000-0000-0005`
 * - a network without subnets, with the MAC: `<network>-fa163e-0a1b2c`
 * - a network of another namespace than the port's: one of these, and `-<10 hex digits of a hash of that namespace>`
 *
 * Two pairs of network and address never have the same name: the length of the last group (1-3, 4, 6 or 10 characters)
 * tells the form, and each form has a fixed number of groups after the network's name. If a name would be too long, a
 * hash replaces the end of the network's name, so that the whole has exactly 253 characters.
 */
import { createHash } from 'node:crypto'
import { addressBits, type IP } from './ip.ts'

const MAX_LENGTH = 253
const MIN_HASH = 16

export interface PortNaming {
  readonly network: { readonly namespace: string; readonly name: string }
  /** The port's own namespace. */
  readonly namespace: string
  /** The port's first address, or its MAC (lower case, with colons) if it has no address. */
  readonly addressOrMac: IP | string
}

export function portNameFor({ network, namespace, addressOrMac }: PortNaming): string {
  const groups = typeof addressOrMac === 'string' ? macGroups(addressOrMac) : addressGroups(addressOrMac)
  const namespaceGroup = network.namespace === namespace ? '' : `-${sha256(network.namespace).slice(0, 10)}`
  const suffix = `-${groups}${namespaceGroup}`
  // Names with the full name of the network have fewer than 253 characters, and those with a hash exactly 253, so they
  // never collide.
  if (network.name.length + suffix.length < MAX_LENGTH) return network.name + suffix
  const kept = network.name.slice(0, MAX_LENGTH - suffix.length - 1 - MIN_HASH).replace(/[-.]+$/, '')
  const digits = MAX_LENGTH - suffix.length - 1 - kept.length
  return `${kept}-${sha256(network.name).repeat(4).slice(0, digits)}${suffix}`
}

function addressGroups({ family, value }: IP): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('-')
  const hex = value.toString(16).padStart(addressBits(6) / 4, '0')
  return hex.match(/..../g)?.join('-') ?? ''
}

function macGroups(mac: string): string {
  const hex = mac.replaceAll(':', '')
  return `${hex.slice(0, 6)}-${hex.slice(6)}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
