// The objects that an informer has read: by key, deeply frozen, with indexes that are updated with every write.
import { type KubeObject, keyOf } from './types.ts'

/** The values under which an index finds an object: `(server) => [server.status.host]`. Without a value the object is not in the index. */
export type IndexFn<T> = (object: T) => readonly (string | undefined)[]

/** Read access to a cache; only its informer writes. Objects are frozen: to change one, clone it with `structuredClone`. */
export interface ReadonlyCache<T extends KubeObject> {
  readonly size: number
  /** @param key `namespace/name` or `name` */
  get(key: string): T | undefined
  has(key: string): boolean
  /** All objects, or those of one namespace, in no particular order. */
  list(namespace?: string): T[]
  keys(): IterableIterator<string>
  values(): IterableIterator<T>
  /** The objects that the index `name` has under `value`. Throws if the cache has no such index. */
  byIndex(name: string, value: string): T[]
}

const NAMESPACE = 'namespace'

export class Cache<T extends KubeObject> implements ReadonlyCache<T> {
  readonly #objects = new Map<string, T>()
  /** By index name: the index function, the keys of each value, and the values of each key as of its last write. */
  readonly #indexes = new Map<
    string,
    { of: IndexFn<T>; keys: Map<string, Set<string>>; values: Map<string, string[]> }
  >()

  constructor(indexes: Readonly<Record<string, IndexFn<T>>> = {}) {
    const all = { [NAMESPACE]: (object: T) => [object.metadata.namespace], ...indexes }
    for (const [name, of] of Object.entries(all)) this.#indexes.set(name, { of, keys: new Map(), values: new Map() })
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  has(key: string): boolean {
    return this.#objects.has(key)
  }

  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(NAMESPACE, namespace)
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys()
  }

  values(): IterableIterator<T> {
    return this.#objects.values()
  }

  byIndex(name: string, value: string): T[] {
    const found: T[] = []
    for (const key of this.#index(name).keys.get(value) ?? []) {
      const object = this.#objects.get(key)
      if (object) found.push(object)
    }
    return found
  }

  /** Stores a frozen object and returns the object that it replaced. If an index function throws, the cache is unchanged. */
  set(object: T): T | undefined {
    const key = keyOf(object.metadata)
    const values = [...this.#indexes.values()].map((index) => [index, distinctDefined(index.of(object))] as const)
    const old = this.#objects.get(key)
    this.#objects.set(key, object)
    for (const [index, now] of values) {
      for (const value of index.values.get(key) ?? []) if (!now.includes(value)) dropKey(index.keys, value, key)
      for (const value of now) addKey(index.keys, value, key)
      index.values.set(key, now)
    }
    return old
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key)
    if (!old) return undefined
    this.#objects.delete(key)
    for (const index of this.#indexes.values()) {
      for (const value of index.values.get(key) ?? []) dropKey(index.keys, value, key)
      index.values.delete(key)
    }
    return old
  }

  #index(name: string): { keys: Map<string, Set<string>> } {
    const index = this.#indexes.get(name)
    if (!index) throw new Error(`the cache has no index ${name}; it has ${[...this.#indexes.keys()].join(', ')}`)
    return index
  }
}

const distinctDefined = (values: readonly (string | undefined)[]): string[] => [
  ...new Set(values.filter((value) => value !== undefined)),
]

function addKey(keys: Map<string, Set<string>>, value: string, key: string): void {
  const set = keys.get(value)
  if (set) set.add(key)
  else keys.set(value, new Set([key]))
}

function dropKey(keys: Map<string, Set<string>>, value: string, key: string): void {
  const set = keys.get(value)
  set?.delete(key)
  if (set?.size === 0) keys.delete(value) // values such as uids never come back, so an empty set would stay for ever
}

/** Freezes a JSON value and everything in it. Parsed JSON has no cycles. */
export function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Array.isArray(value) ? value : Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}

/** The object without `managedFields`, which is often half of its size and which no reader of a cache needs. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _dropped, ...metadata } = object.metadata as KubeObject['metadata'] & {
    managedFields?: unknown
  }
  return { ...object, metadata }
}
