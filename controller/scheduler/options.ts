/** What an operator can set of the scheduler, with Nova's names and defaults. */
import type { FilterName } from './filters.ts'
import { filterNames } from './filters.ts'
import type { WeigherName } from './weighers.ts'
import { defaultMultipliers } from './weighers.ts'

export interface SchedulerOptions {
  /** [filter_scheduler]enabled_filters. Their order is fixed (cheap ones first): it decides only which reason a host gets. */
  readonly filters: readonly FilterName[]
  /** Weight multipliers; 0 turns a weigher off, a negative one turns it round (stack rather than spread). */
  readonly multipliers: Readonly<Record<WeigherName, number>>
  /** [scheduler]max_attempts: the host chosen and its alternates. */
  readonly maxAttempts: number
  /**
   * [filter_scheduler]shuffle_best_same_weighed_hosts: a seed. Hosts of equal weight are then ordered by a hash of seed, server
   * and host, else by name; both are the same at every run.
   */
  readonly shuffleSeed?: string
}

export const schedulerDefaults: SchedulerOptions = {
  filters: filterNames,
  multipliers: defaultMultipliers,
  maxAttempts: 3,
}
