/** CPUWeigher: the more vCPUs a host has free (with overcommit), the better. */
import type { Weigher } from '../weigher.ts'

export const cpuWeigher: Weigher = {
  name: 'CPUWeigher',
  multiplierKey: 'cpu_weight_multiplier',
  multiplier: 1,
  minimum: 0,
  score: (host) =>
    host.limits === undefined ? 0 : host.limits.vcpus.maxPerServer * host.limits.vcpus.ratio - host.used.vcpus,
}
