/** IoOpsWeigher: the fewer servers load the host's disk (building, rescuing, migrating…), the better. */
import type { Weigher } from '../weigher.ts'

export const ioOpsWeigher: Weigher = {
  name: 'IoOpsWeigher',
  multiplierKey: 'io_ops_weight_multiplier',
  multiplier: -1,
  minimum: 0,
  score: (host) => host.used.ioOps,
}
