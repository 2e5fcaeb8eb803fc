/**
 * MAC addresses for ports: fa:16:3e (OpenStack's locally administered base) and 24 bits of the address, mixed with the network.
 *
 * Of one address there is one MAC: two ports of a network collide only where one asked for a MAC of its own or a pool is larger than
 * 2^24, and who remembers the neighbour of an address that another server has now remembers it right.
 */
import { createHash } from 'node:crypto'
import type { IP } from './ip.ts'

const BASE = 'fa163e'
const ATTEMPTS = 4096

const hash24 = (text: string) => createHash('sha256').update(text).digest().readUIntBE(0, 3)

/**
 * The MAC of the port with this address (or, on a network without subnets, with this seed). `isUsed` says which MACs of the network
 * are taken; undefined: none is to be had.
 */
export function macFor(networkUid: string, of: IP | string, isUsed: (mac: string) => boolean): string | undefined {
  const seed = typeof of === 'string' ? of : `${of.family}:${of.value}`
  const low = typeof of === 'string' ? hash24(seed) : Number(of.value & 0xffffffn)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const nic = attempt === 0 ? low ^ hash24(networkUid) : hash24(`${networkUid} ${seed} ${attempt}`)
    const mac = spell(BASE + nic.toString(16).padStart(6, '0'))
    if (!isUsed(mac)) return mac
  }
  return undefined
}

function spell(hex: string): string {
  return hex.match(/../g)?.join(':') ?? ''
}
