/** Image properties and extra specs, read as Nova reads them: names of nova/objects/image_meta.py. */
import { Terminal } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'

/** A property of the image; empty counts as absent. */
export function imageProperty(input: DomainInput, name: string): string | undefined {
  return input.instance.image.properties?.[name] || undefined
}

/** An extra spec of the flavor; empty counts as absent. */
export function extraSpec(input: DomainInput, name: string): string | undefined {
  return input.instance.flavor.extraSpecs?.[name] || undefined
}

/** oslo.utils' bool_from_string. */
export function isYes(value: string | undefined): boolean {
  return ['1', 't', 'true', 'on', 'y', 'yes'].includes(value?.trim().toLowerCase() ?? '')
}

export function isWindows(input: DomainInput): boolean {
  return imageProperty(input, 'os_type') === 'windows'
}

/** A value out of a closed set. Throws Terminal UnsupportedHardware. */
export function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((a) => a === value)
  if (found !== undefined) return found
  throw new Terminal('UnsupportedHardware', `${name} is ${value}: must be one of ${allowed.join(', ')}`)
}
