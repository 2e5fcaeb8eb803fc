/** Entropy from the host, unless the flavor forbids it; hw_rng:rate_bytes per hw_rng:rate_period milliseconds. */
import type { DomainInput } from '../input.ts'
import { extraSpec, imageProperty, isYes, oneOf } from '../properties.ts'
import { type Element, el } from '../xml.ts'

export function rngElement(input: DomainInput): Element | undefined {
  if (!isYes(extraSpec(input, 'hw_rng:allowed') ?? 'true')) return undefined
  const model = oneOf('hw_rng_model', imageProperty(input, 'hw_rng_model') ?? 'virtio', ['virtio'])
  const bytes = extraSpec(input, 'hw_rng:rate_bytes')
  return el(
    'rng',
    { model },
    bytes === undefined ? undefined : el('rate', { bytes, period: extraSpec(input, 'hw_rng:rate_period') }),
    el('backend', { model: 'random' }, '/dev/urandom'),
  )
}
