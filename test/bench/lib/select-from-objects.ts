/**
 * Selects a host as selectHost does, but from HostViews in place of the columns of HostTable. The benchmark measures
 * how much time HostTable saves.
 */
import type { HostView } from '../../../controller/scheduler/host-view.ts'
import type { PlacementRequest } from '../../../controller/scheduler/request.ts'
import { prepareFilters } from '../../../controller/scheduler/select-host.ts'
import type { Weigher } from '../../../controller/scheduler/weigher.ts'
import { weighers } from '../../../controller/scheduler/weighers.ts'

export function selectFromObjects(request: PlacementRequest, hosts: readonly HostView[]): string | undefined {
  const tests = prepareFilters(request).map(({ test }) => test)
  const able = hosts.filter((host) => tests.every((test) => test.passes(host)))
  const weights = weighHostViews(able)
  let best = 0
  for (let i = 1; i < able.length; i++) {
    const [x, y] = [weights[i] ?? 0, weights[best] ?? 0]
    if (x > y || (x === y && (able[i]?.name ?? '') < (able[best]?.name ?? ''))) best = i
  }
  return able[best]?.name
}

function weighHostViews(hosts: readonly HostView[]): Float64Array {
  const total = new Float64Array(hosts.length)
  const scores = new Float64Array(hosts.length)
  for (const weigher of Object.values<Weigher>(weighers)) {
    const { low, range } = fillScores(scores, hosts, weigher)
    if (!(range > 0)) continue
    for (let i = 0; i < hosts.length; i++) {
      const multiplier = hosts[i]?.multipliers?.[weigher.multiplierKey] ?? weigher.multiplier
      total[i] = (total[i] ?? 0) + multiplier * (((scores[i] ?? 0) - low) / range)
    }
  }
  return total
}

/**
 * Writes the score of each host into `scores`. `low` is the weigher's fixed minimum, or else the lowest score; `range`
 * is the greatest score minus `low`.
 */
function fillScores(scores: Float64Array, hosts: readonly HostView[], { score, minimum = -Infinity }: Weigher) {
  let [least, greatest] = [Infinity, -Infinity]
  for (let i = 0; i < hosts.length; i++) {
    const value = Math.max(score(hosts[i] as HostView), minimum)
    scores[i] = value
    if (value < least) least = value
    if (value > greatest) greatest = value
  }
  const low = minimum === -Infinity ? least : minimum
  return { low, range: greatest - low }
}
