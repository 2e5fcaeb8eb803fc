// Gives the entries of a table their names.

export type Named<T> = { readonly [K in keyof T]: T[K] & { readonly name: K } }

/** Gives each entry of a table its key as name. */
export function nameEntries<const T extends Record<string, object>>(table: T): Named<T> {
  const entries = Object.entries(table).map(([name, entry]) => [name, { ...entry, name }])
  // The type of `Object.fromEntries` does not keep the keys; they are the table's.
  return Object.fromEntries(entries) as Named<T>
}
