/** DiskWeigher: the more disk a host has free (without overcommit), the better. */
import type { Weigher } from '../weigher.ts'

export const diskWeigher: Weigher = {
  name: 'DiskWeigher',
  multiplierKey: 'disk_weight_multiplier',
  multiplier: 1,
  minimum: 0,
  score: (host) => (host.limits === undefined ? 0 : host.limits.disk.maxPerServer - host.used.disk),
}
