/** What a weigher is: a number for each host that passed the filters; these are normalised, multiplied and added up as Nova does it. */
import type { HostTable } from './host-table.ts'
import type { HostKind, HostView } from './host-view.ts'
import type { WeigherName } from './weighers.ts'

export interface Weigher {
  /** Nova's name. */
  readonly name: string
  /** Nova's option, and the key of aggregate metadata that overrides it for the aggregate's hosts. */
  readonly multiplierKey: string
  /** Nova's default. */
  readonly multiplier: number
  /** The least value that counts, and the lower end of the normalisation; without: the least that occurs. */
  readonly least?: number
  /** Failures weigh down: Nova turns the multiplier's sign round. */
  readonly negated?: true
  raw(host: HostView): number
}

/** A weigher with the multiplier that its option gives it; an aggregate's goes before. */
export interface Weighing {
  readonly name: WeigherName
  readonly weigher: Weigher
  readonly multiplier: number
}

/**
 * The sum of all weighers for the hosts in these rows, in their order. Each weigher's values are brought to 0…1 between the least and
 * the greatest of them; where all are equal they count 0.
 */
export function weigh(weighings: readonly Weighing[], table: HostTable, rows: Uint32Array): Float64Array {
  const total = new Float64Array(rows.length)
  const kinds = table.kinds()
  for (const weighing of weighings) {
    const values = table.raw(weighing.name)
    const least = weighing.weigher.least ?? -Infinity
    const { low, range } = spread(values, rows, least)
    // All hosts are equal.
    if (!(range > 0)) continue
    const factors = factorsOf(weighing, kinds)
    const { kindOf } = table
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0
      const value = Math.max(values[row] ?? 0, least)
      total[i] = (total[i] ?? 0) + (factors[kindOf[row] ?? 0] ?? 0) * ((value - low) / range)
    }
  }
  return total
}

/** The least that occurs, or that counts, and from there to the greatest. */
function spread(values: Float64Array, rows: Uint32Array, least: number): { low: number; range: number } {
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < rows.length; i++) {
    const value = values[rows[i] ?? 0] ?? 0
    if (value < low) low = value
    if (value > high) high = value
  }
  const from = least === -Infinity ? low : least
  return { low: from, range: Math.max(high, least) - from }
}

/** By kind of host: the multiplier, with its sign. */
function factorsOf({ weigher, multiplier }: Weighing, kinds: readonly (HostKind | undefined)[]): Float64Array {
  const sign = weigher.negated ? -1 : 1
  return Float64Array.from(kinds, (kind) => sign * (kind?.multipliers?.[weigher.multiplierKey] ?? multiplier))
}
