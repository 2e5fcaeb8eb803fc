/** Reads image properties and extra specs as Nova does; their names are those of nova/objects/image_meta.py. */
import { Terminal } from '../../crds/index.ts'
import type { DomainInput } from './input.ts'

/** An empty property counts as absent. */
export function imageProperty(input: DomainInput, name: string): string | undefined {
  return input.instance.image.properties?.[name] || undefined
}

/** An empty extra spec counts as absent. */
export function extraSpec(input: DomainInput, name: string): string | undefined {
  return input.instance.flavor.extraSpecs?.[name] || undefined
}

/** The same words as oslo.utils' bool_from_string. */
export function isYes(value: string | undefined): boolean {
  return ['1', 't', 'true', 'on', 'y', 'yes'].includes(value?.trim().toLowerCase() ?? '')
}

export function isWindows(input: DomainInput): boolean {
  return imageProperty(input, 'os_type') === 'windows'
}

/** Throws Terminal UnsupportedHardware unless `value` is one of `allowed`. */
export function requireOneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((a) => a === value)
  if (found !== undefined) return found
  throw new Terminal('UnsupportedHardware', `${name} is ${value}: must be one of ${allowed.join(', ')}`)
}
