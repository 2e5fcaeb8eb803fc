/**
 * A weigher scores each host that passed the filters; the scores are normalised, multiplied and added up as in Nova.
 */
import type { HostTable } from './host-table.ts'
import type { HostClass, HostView } from './host-view.ts'
import { type WeigherName, weigherNames, weighers } from './weighers.ts'

export interface Weigher {
  /** Nova's name. */
  readonly name: string
  /**
   * The key of aggregate metadata that overrides the multiplier for the aggregate's hosts; also the name of Nova's
   * option.
   */
  readonly multiplierKey: string
  /** Nova's default. */
  readonly multiplier: number
  /**
   * Scores below it count as it, and the normalisation starts there. Without it, the normalisation starts at the least
   * score that occurs.
   */
  readonly minimum?: number
  score(host: HostView): number
}

/**
 * The weights of the hosts in these rows, in their order: the sum of the given weighers, by default of all. Each
 * weigher's scores are brought to 0…1 between the least and the greatest of them; a weigher that scores all hosts alike
 * adds nothing.
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

/** Where the scores of these rows start, and how far the greatest lies above. */
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

/** The weigher's multiplier for each class of hosts, indexed by class ID. */
function multipliersByClass(weigher: Weigher, classes: readonly (HostClass | undefined)[]): Float64Array {
  return Float64Array.from(classes, (facts) => facts?.multipliers?.[weigher.multiplierKey] ?? weigher.multiplier)
}
