/** The memory balloon, for its statistics: the guest reports every ten seconds (Nova's mem_stats_period_seconds). */
import { type Element, el } from '../xml.ts'

export function balloonElement(): Element {
  return el('memballoon', { model: 'virtio' }, el('stats', { period: 10 }))
}
