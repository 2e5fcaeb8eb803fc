/** IoOpsWeigher: the fewer servers load a host's disk (by being built, rescued, migrated, …), the better. */
import type { Weigher } from '../weigher.ts'

export const ioOpsWeigher: Weigher = {
  name: 'IoOpsWeigher',
  multiplierKey: 'io_ops_weight_multiplier',
  multiplier: -1,
  minimum: 0,
  score: (host) => host.used.ioOps,
}
