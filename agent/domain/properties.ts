/** Reads image properties and a flavor's extra specs as Nova does (nova/objects/image_meta.py). */
import { Terminal } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'

/** Returns undefined if the property is absent or empty. */
export function imageProperty(input: DomainInput, name: string): string | undefined {
  return input.instance.image.properties?.[name] || undefined
}

/** Returns undefined if the extra spec is absent or empty. */
export function extraSpec(input: DomainInput, name: string): string | undefined {
  return input.instance.flavor.extraSpecs?.[name] || undefined
}

/** As oslo.utils' bool_from_string does. */
export function isYes(value: string | undefined): boolean {
  return ['1', 't', 'true', 'on', 'y', 'yes'].includes(value?.trim().toLowerCase() ?? '')
}

export function isWindows(input: DomainInput): boolean {
  return imageProperty(input, 'os_type') === 'windows'
}

/**
 * @param name the property's name, for the message
 * @throws a Terminal error (not retried) with the code UnsupportedHardware if the value is not allowed
 */
export function requireOneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((a) => a === value)
  if (found !== undefined) return found
  throw new Terminal('UnsupportedHardware', `${name} is ${value}: must be one of ${allowed.join(', ')}`)
}
