export type Named<T> = { readonly [K in keyof T]: T[K] & { readonly name: K } }

/** Returns a copy of the table in which each entry has one more field: `name`, the entry's key. */
export function nameEntries<const T extends Record<string, object>>(table: T): Named<T> {
  const entries = Object.entries(table).map(([name, entry]) => [name, { ...entry, name }])
  // The cast is safe: the entries have the keys of `table`, but the type of `Object.fromEntries` loses this.
  return Object.fromEntries(entries) as Named<T>
}
