// Server-side apply for reconcilers: an object is written only if the write would change it.
import type { ApplyOptions, Resource } from './resource.ts'
import type { Draft, KubeObject } from './types.ts'

export interface ApplyIfChangedOptions<T> extends ApplyOptions {
  /** The object as last seen, usually by an informer. If absent, the object is always written. */
  seen?: T | undefined
  /**
   * The draft that this field manager applied before. Needed if `wanted` may lack fields of that draft: server-side
   * apply removes such fields from the object. A comparison of `wanted` with `seen` would find no difference, so
   * without `previous` the write would be left out.
   */
  previous?: Draft<T> | undefined
}

/**
 * Applies `wanted`, unless `seen` has all of its fields already. Returns the object as it is now and whether it was
 * written.
 */
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
 * Whether `object` has every field of `wanted` with the same value. `object` may have further fields, also in objects
 * inside of arrays, because the API server fills in defaults. Arrays must have the same length.
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
