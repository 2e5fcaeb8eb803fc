/** IoOpsWeigher: the fewer servers are busy with the host's disk (building, rescuing, migrating…), the better. */
import type { Weigher } from '../weigher.ts'

export const ioOpsWeigher: Weigher = {
  name: 'IoOpsWeigher',
  multiplierKey: 'io_ops_weight_multiplier',
  multiplier: -1,
  least: 0,
  raw: (host) => host.used.ioOps,
}
