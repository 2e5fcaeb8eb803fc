/** DiskWeigher: the more disk is free (without overcommit), the better. */
import type { Weigher } from '../weigher.ts'

export const diskWeigher: Weigher = {
  name: 'DiskWeigher',
  multiplierKey: 'disk_weight_multiplier',
  multiplier: 1,
  least: 0,
  raw: (host) => (host.limits === undefined ? 0 : host.limits.disk.largest - host.used.disk),
}
