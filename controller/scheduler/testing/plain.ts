/** Placement said as plainly as it can be: every filter asked for every host, every weight computed anew, all sorted. What place() must agree with. */
import { explain } from '../explain.ts'
import type { HostView } from '../host-view.ts'
import { type SchedulerOptions, schedulerDefaults } from '../options.ts'
import { type Placement, prepare, tieOrder } from '../place.ts'
import type { PlacementRequest } from '../request.ts'
import type { Weigher } from '../weigher.ts'
import { type WeigherName, weigherNames, weighers } from '../weighers.ts'

export function placePlainly(
  request: PlacementRequest,
  hosts: readonly HostView[],
  options: SchedulerOptions = schedulerDefaults,
): Placement {
  const prepared = prepare(request, options)
  const able = hosts.filter((host) => prepared.every(({ test }) => test.passes(host)))
  if (able.length === 0) return { none: true, ...explain(prepared, hosts) }
  const weights = weightsOf(able, options.multipliers)
  const before = tieOrder(request, options)
  const order = able
    .map(({ name }) => ({ name, weight: weights.get(name) ?? 0 }))
    .sort((a, b) => b.weight - a.weight || (before(a.name, b.name) ? -1 : 1))
  const [host = '', ...alternates] = order.slice(0, Math.max(1, options.maxAttempts)).map(({ name }) => name)
  return { none: false, host, alternates, candidates: able.length }
}

/** By host. */
export function weightsOf(
  hosts: readonly HostView[],
  multipliers: Readonly<Partial<Record<WeigherName, number>>>,
): Map<string, number> {
  const total = new Map(hosts.map(({ name }) => [name, 0]))
  for (const name of weigherNames) {
    const { least = -Infinity, negated, multiplierKey, raw }: Weigher = weighers[name]
    const multiplier = multipliers[name]
    if (multiplier === undefined) continue
    const values = hosts.map((host) => Math.max(raw(host), least))
    const low = least === -Infinity ? Math.min(...values) : least
    const range = Math.max(...values) - low
    if (!(range > 0)) continue
    for (const [i, host] of hosts.entries()) {
      const factor = (negated ? -1 : 1) * (host.multipliers?.[multiplierKey] ?? multiplier)
      total.set(host.name, (total.get(host.name) ?? 0) + factor * (((values[i] ?? 0) - low) / range))
    }
  }
  return total
}
