/** RAMWeigher: the more memory is free, the better: this spreads servers; a negative multiplier stacks them. */
import type { Weigher } from '../weigher.ts'

export const ramWeigher: Weigher = {
  name: 'RAMWeigher',
  multiplierKey: 'ram_weight_multiplier',
  multiplier: 1,
  minimum: 0,
  // As in Nova: physical memory, without overcommit.
  score: (host) => (host.limits === undefined ? 0 : host.limits.ram.maxPerServer - host.used.ram),
}
