/**
 * Each guest has a random number generator unless the flavor forbids it. The extra spec hw_rng:rate_period is in
 * milliseconds.
 */
import type { DomainInput } from '../input.ts'
import { extraSpec, imageProperty, isYes, requireOneOf } from '../properties.ts'
import { type Element, xmlElement } from '../render-xml.ts'

export function rngElement(input: DomainInput): Element | undefined {
  if (!isYes(extraSpec(input, 'hw_rng:allowed') ?? 'true')) return undefined
  const model = requireOneOf('hw_rng_model', imageProperty(input, 'hw_rng_model') ?? 'virtio', ['virtio'])
  const bytes = extraSpec(input, 'hw_rng:rate_bytes')
  return xmlElement(
    'rng',
    { model },
    bytes === undefined ? undefined : xmlElement('rate', { bytes, period: extraSpec(input, 'hw_rng:rate_period') }),
    xmlElement('backend', { model: 'random' }, '/dev/urandom'),
  )
}
