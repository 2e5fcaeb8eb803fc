/**
 * A MAC is OpenStack's prefix fa:16:3e and the last 24 bits of the port's IP address, combined by XOR with a hash of
 * the network's uid. So an address always gets the same MAC, and neighbour caches stay right when another server gets
 * the address. MACs collide only if a user chose one, or in a pool larger than 2^24.
 */
import { createHash } from 'node:crypto'
import type { IP } from './ip.ts'

const BASE = 'fa163e'
const ATTEMPTS = 4096

const hash24 = (text: string) => createHash('sha256').update(text).digest().readUIntBE(0, 3)

/**
 * Returns the MAC for a port with the IP address `addressOrSeed`. In a network without subnets there is no address, and
 * `addressOrSeed` is any text that identifies the port. Undefined if no MAC is free.
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
