/**
 * Generates MAC addresses for ports: fa:16:3e (OpenStack's locally administered base) and 24 bits of the IP address,
 * mixed with the network.
 *
 * An IP address always gets the same MAC. So two ports of a network collide only if one asked for a MAC of its own or a
 * pool is larger than 2^24, and a neighbour cache that still has an entry for an address stays right when another
 * server gets the address.
 */
import { createHash } from 'node:crypto'
import type { IP } from './ip.ts'

const BASE = 'fa163e'
const ATTEMPTS = 4096

const hash24 = (text: string) => createHash('sha256').update(text).digest().readUIntBE(0, 3)

/**
 * The MAC of the port with this address, or with this seed if its network has no subnets; undefined if no MAC is free.
 * @param isUsed whether a MAC is in use on the network
 */
export function generateMac(
  networkUid: string,
  addressOrSeed: IP | string,
  isUsed: (mac: string) => boolean,
): string | undefined {
  const isSeed = typeof addressOrSeed === 'string'
  const seed = isSeed ? addressOrSeed : `${addressOrSeed.family}:${addressOrSeed.value}`
  const low = isSeed ? hash24(seed) : Number(addressOrSeed.value & 0xffffffn)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const nic = attempt === 0 ? low ^ hash24(networkUid) : hash24(`${networkUid} ${seed} ${attempt}`)
    const mac = withColons(BASE + nic.toString(16).padStart(6, '0'))
    if (!isUsed(mac)) return mac
  }
  return undefined
}

function withColons(hex: string): string {
  return hex.match(/../g)?.join(':') ?? ''
}
