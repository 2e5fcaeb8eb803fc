/** RAMWeigher: the more memory is free, the better: spreads servers; with a negative multiplier it stacks them. */
import type { Weigher } from '../weigher.ts'

export const ramWeigher: Weigher = {
  name: 'RAMWeigher',
  multiplierKey: 'ram_weight_multiplier',
  multiplier: 1,
  least: 0,
  // As Nova: of the memory that is there, without overcommit.
  raw: (host) => (host.limits === undefined ? 0 : host.limits.ram.largest - host.used.ram),
}
