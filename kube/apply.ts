import type { ApplyOptions, Resource } from './resource.ts'
import type { Draft, KubeObject } from './types.ts'

export interface ApplyIfChangedOptions<T> extends ApplyOptions {
  /** The object as last seen, usually by an informer. If absent, the object is always written. */
  seen?: T | undefined
  /**
   * The draft that this field manager applied before. Needed if `wanted` may lack fields of that draft, which the apply
   * must remove. The comparison of `wanted` with `seen` does not notice such fields, so the apply would be skipped.
   */
  previous?: Draft<T> | undefined
}

export async function applyIfChanged<T extends KubeObject>(
  resource: Resource<T>,
  wanted: Draft<T>,
  { seen, previous, ...options }: ApplyIfChangedOptions<T> = {},
): Promise<{ object: T; written: boolean }> {
  const hasFewerFields = previous !== undefined && !hasFieldsOf(wanted, previous)
  if (seen && !hasFewerFields && hasFieldsOf(seen, wanted)) return { object: seen, written: false }
  return { object: await resource.apply(wanted, options), written: true }
}

/**
 * `object` may have further fields, also in objects inside of arrays, because the API server fills in defaults. Arrays
 * must have the same length.
 */
export function hasFieldsOf(object: unknown, wanted: unknown): boolean {
  if (wanted === undefined || Object.is(object, wanted)) return true
  if (typeof object !== 'object' || typeof wanted !== 'object' || object === null || wanted === null) return false
  if (Array.isArray(wanted)) {
    const isSameLength = Array.isArray(object) && object.length === wanted.length
    return isSameLength && wanted.every((item, i) => hasFieldsOf(object[i], item))
  }
  if (Array.isArray(object)) return false
  return Object.entries(wanted).every(([name, value]) => hasFieldsOf(Reflect.get(object, name), value))
}
