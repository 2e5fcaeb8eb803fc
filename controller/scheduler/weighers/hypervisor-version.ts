/**
 * HypervisorVersionWeigher: the newer a host's QEMU, the better, because a server can migrate only to the same or a
 * newer QEMU.
 */
import type { Weigher } from '../weigher.ts'

export const hypervisorVersionWeigher: Weigher = {
  name: 'HypervisorVersionWeigher',
  multiplierKey: 'hypervisor_version_weight_multiplier',
  multiplier: 1,
  score: (host) => host.version,
}
