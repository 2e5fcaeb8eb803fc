/** What a weigher is: a number for each host that passed the filters; these are normalised, multiplied and added up as Nova does it. */
import type { HostView } from './host-view.ts'

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
  readonly weigher: Weigher
  readonly multiplier: number
}

/**
 * The sum of all weighers for each host, in the order of `hosts`. Each weigher's values are brought to 0…1 between the least and the
 * greatest of them; where all are equal they count 0.
 */
export function weigh(weighings: readonly Weighing[], hosts: readonly HostView[]): Float64Array {
  const total = new Float64Array(hosts.length)
  const values = new Float64Array(hosts.length)
  for (const { weigher, multiplier } of weighings) {
    if (!measure(weigher, hosts, values)) continue
    const sign = weigher.negated ? -1 : 1
    for (let i = 0; i < hosts.length; i++) {
      const factor = hosts[i]?.multipliers?.[weigher.multiplierKey] ?? multiplier
      total[i] = (total[i] ?? 0) + sign * factor * (values[i] ?? 0)
    }
  }
  return total
}

/** Fills `values` with the normalised weights; false: all hosts are equal, and `values` is of no use. */
function measure(weigher: Weigher, hosts: readonly HostView[], values: Float64Array): boolean {
  const least = weigher.least ?? -Infinity
  let low = weigher.least ?? Infinity
  let high = -Infinity
  for (let i = 0; i < hosts.length; i++) {
    const host = hosts[i]
    if (host === undefined) continue
    const value = Math.max(weigher.raw(host), least)
    values[i] = value
    if (value < low) low = value
    if (value > high) high = value
  }
  const range = high - low
  if (!(range > 0)) return false
  for (let i = 0; i < values.length; i++) values[i] = ((values[i] ?? 0) - low) / range
  return true
}
