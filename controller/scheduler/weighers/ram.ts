/**
 * RAMWeigher: the more memory a host has free, the better, which spreads servers over the hosts. With a negative
 * multiplier, servers are packed onto few hosts.
 */
import type { Weigher } from '../weigher.ts'

export const ramWeigher: Weigher = {
  name: 'RAMWeigher',
  multiplierKey: 'ram_weight_multiplier',
  multiplier: 1,
  minimum: 0,
  // As in Nova, the score is the free physical memory, without overcommit.
  score: (host) => (host.limits === undefined ? 0 : host.limits.ram.maxPerServer - host.used.ram),
}
