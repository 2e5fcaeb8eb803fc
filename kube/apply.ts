// Server-side apply for reconcilers: no write where nothing would change, and conflicts answered as values.
import type { ApplyOptions, Resource } from './resource.ts'
import type { Draft, KubeObject } from './types.ts'

export interface ApplyIfOptions<T> extends ApplyOptions {
  /** The object as last seen (an informer's). Absent: always write. */
  seen?: T | undefined
  /**
   * What this manager applied before, if fields of it may now be left out: server-side apply removes what is no longer sent, which
   * a comparison with `seen` alone cannot notice.
   */
  previous?: Draft<T> | undefined
}

/** Applies unless every field of `wanted` already is so in `seen`. Answers the object as it is now, and whether it was written. */
export async function applyIfChanged<T extends KubeObject>(
  resource: Resource<T>,
  wanted: Draft<T>,
  { seen, previous, ...options }: ApplyIfOptions<T> = {},
): Promise<{ object: T; written: boolean }> {
  const dropped = previous !== undefined && !hasFieldsOf(wanted, previous)
  if (seen && !dropped && hasFieldsOf(seen, wanted)) return { object: seen, written: false }
  return { object: await resource.apply(wanted, options), written: true }
}

/**
 * Whether `have` has every field of `want` with the same value. Objects may have more; arrays must be equal, element by element, where
 * elements that are objects may again have more (the server fills in defaults).
 */
export function hasFieldsOf(have: unknown, want: unknown): boolean {
  if (want === undefined || Object.is(have, want)) return true
  if (typeof have !== 'object' || typeof want !== 'object' || have === null || want === null) return false
  if (Array.isArray(want)) {
    return Array.isArray(have) && have.length === want.length && want.every((item, i) => hasFieldsOf(have[i], item))
  }
  if (Array.isArray(have)) return false
  return Object.entries(want).every(([name, value]) => hasFieldsOf(Reflect.get(have, name), value))
}
