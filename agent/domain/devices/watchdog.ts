/** A watchdog card, if image or flavor (the image wins) say what shall happen when it barks. */
import type { DomainInput } from '../input.ts'
import { extraSpec, imageProperty, oneOf } from '../properties.ts'
import { type Element, el } from '../xml.ts'

const actions = ['disabled', 'reset', 'poweroff', 'pause', 'none'] as const

export function watchdogElement(input: DomainInput): Element | undefined {
  const wanted = imageProperty(input, 'hw_watchdog_action') ?? extraSpec(input, 'hw:watchdog_action') ?? 'disabled'
  const action = oneOf('hw_watchdog_action', wanted, actions)
  return action === 'disabled' ? undefined : el('watchdog', { model: 'i6300esb', action })
}
