/** The image's choice of the watchdog's action wins over the flavor's. */
import type { DomainInput } from '../input.ts'
import { extraSpec, imageProperty, requireOneOf } from '../properties.ts'
import { type Element, xmlElement } from '../render-xml.ts'

const watchdogActions = ['disabled', 'reset', 'poweroff', 'pause', 'none'] as const

export function watchdogElement(input: DomainInput): Element | undefined {
  const wanted = imageProperty(input, 'hw_watchdog_action') ?? extraSpec(input, 'hw:watchdog_action') ?? 'disabled'
  const action = requireOneOf('hw_watchdog_action', wanted, watchdogActions)
  return action === 'disabled' ? undefined : xmlElement('watchdog', { model: 'i6300esb', action })
}
