/** BuildFailureWeigher: a host where builds failed lately comes after all that had fewer failures. */
import type { Weigher } from '../weigher.ts'

export const buildFailureWeigher: Weigher = {
  name: 'BuildFailureWeigher',
  multiplierKey: 'build_failure_weight_multiplier',
  multiplier: 1_000_000,
  negated: true,
  raw: (host) => host.failedBuilds,
}
