/**
 * HypervisorVersionWeigher: the newer QEMU is, the better, since a server can migrate to an equal or newer QEMU only.
 */
import type { Weigher } from '../weigher.ts'

export const hypervisorVersionWeigher: Weigher = {
  name: 'HypervisorVersionWeigher',
  multiplierKey: 'hypervisor_version_weight_multiplier',
  multiplier: 1,
  score: (host) => host.version,
}
