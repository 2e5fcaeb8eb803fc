/** JSON values that are shared, not copied: frozen to their leaves, and compared without regard to the order of members. Pure. */

/** The same value, frozen; what is frozen already is not copied. As in JSON, what is undefined is not there. */
export function frozen<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) return Object.freeze(value.map(frozen)) as V
  const out: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value)) if (member !== undefined) out[name] = frozen(member as unknown)
  return Object.freeze(out) as V
}

export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (!Array.isArray(a)) return !Array.isArray(b) && sameMembers(a as Members, b as Members)
  return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]))
}

type Members = Record<string, unknown>

function sameMembers(a: Members, b: Members): boolean {
  for (const name in a) if (!same(a[name], b[name])) return false
  for (const name in b) if (b[name] !== undefined && a[name] === undefined) return false
  return true
}
