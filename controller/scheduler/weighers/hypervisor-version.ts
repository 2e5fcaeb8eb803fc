/** HypervisorVersionWeigher: the newer QEMU is, the better, so that servers gather where the next migration can go on from. */
import type { Weigher } from '../weigher.ts'

export const hypervisorVersionWeigher: Weigher = {
  name: 'HypervisorVersionWeigher',
  multiplierKey: 'hypervisor_version_weight_multiplier',
  multiplier: 1,
  raw: (host) => host.version,
}
