/**
 * The balloon is used only for memory statistics, which the guest reports every ten seconds (Nova's
 * mem_stats_period_seconds).
 */
import { type Element, xmlElement } from '../render-xml.ts'

export function balloonElement(): Element {
  return xmlElement('memballoon', { model: 'virtio' }, xmlElement('stats', { period: 10 }))
}
