/** Drops undefined members, which JSON does not have. Does not copy values that are already frozen. */
export function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) return Object.freeze(value.map(deepFreeze)) as V
  const out: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value))
    if (member !== undefined) out[name] = deepFreeze(member as unknown)
  return Object.freeze(out) as V
}

/** The order of an object's members does not matter. */
export function isDeepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (!Array.isArray(a)) return !Array.isArray(b) && hasEqualMembers(a as Members, b as Members)
  return Array.isArray(b) && a.length === b.length && a.every((item, i) => isDeepEqual(item, b[i]))
}

type Members = Record<string, unknown>

function hasEqualMembers(a: Members, b: Members): boolean {
  for (const name in a) if (!isDeepEqual(a[name], b[name])) return false
  for (const name in b) if (b[name] !== undefined && a[name] === undefined) return false
  return true
}
