/**
 * A weigher gives each host that passed the filters a score. As in Nova, the scores are normalised to 0…1 and
 * multiplied by the weigher's multiplier. The weight of a host is the sum of these products over all weighers.
 */
import type { HostTable } from './host-table.ts'
import type { HostClass, HostView } from './host-view.ts'
import { type WeigherName, weigherNames, weighers } from './weighers.ts'

export interface Weigher {
  /** The weigher's name in Nova. */
  readonly name: string
  /**
   * The metadata key with which an aggregate overrides the multiplier for its hosts, named like Nova's configuration
   * option.
   */
  readonly multiplierKey: string
  /** The factor for the normalised scores; Nova's default. */
  readonly multiplier: number
  /**
   * Scores below this minimum are raised to it, and the minimum is normalised to 0. Absent: the least score of all
   * hosts is normalised to 0.
   */
  readonly minimum?: number
  score(host: HostView): number
}

/**
 * The weights of the hosts in `rows`, in the same order: the sum over the weighers in `names`, by default all. Each
 * weigher's scores are first normalised to 0…1; a weigher that gives all hosts the same score adds nothing.
 */
export function weighHosts(
  table: HostTable,
  rows: Uint32Array,
  names: readonly WeigherName[] = weigherNames,
): Float64Array {
  const total = new Float64Array(rows.length)
  const classes = table.classes()
  for (const name of names) {
    const weigher: Weigher = weighers[name]
    const scores = table.scores(name)
    const minimum = weigher.minimum ?? -Infinity
    const { low, range } = scoreRange(scores, rows, minimum)
    if (!(range > 0)) continue
    const multipliers = multipliersByClass(weigher, classes)
    const { classIds } = table
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0
      const score = Math.max(scores[row] ?? 0, minimum)
      total[i] = (total[i] ?? 0) + (multipliers[classIds[row] ?? 0] ?? 0) * ((score - low) / range)
    }
  }
  return total
}

/** The score that is normalised to 0 (`low`), and the distance from it to the greatest score (`range`). */
function scoreRange(scores: Float64Array, rows: Uint32Array, minimum: number): { low: number; range: number } {
  let least = Infinity
  let greatest = -Infinity
  for (let i = 0; i < rows.length; i++) {
    const score = scores[rows[i] ?? 0] ?? 0
    if (score < least) least = score
    if (score > greatest) greatest = score
  }
  const low = minimum === -Infinity ? least : minimum
  return { low, range: Math.max(greatest, minimum) - low }
}

function multipliersByClass(weigher: Weigher, classes: readonly (HostClass | undefined)[]): Float64Array {
  return Float64Array.from(classes, (facts) => facts?.multipliers?.[weigher.multiplierKey] ?? weigher.multiplier)
}
