// The objects that an informer has read, by key. They are deeply frozen, and the indexes are updated with every write.
import { type KubeObject, keyOf, type TypedResourceDef } from './types.ts'

/**
 * Finds the objects of a cache by a value other than the key. Declare it once, with {@link defineIndex}. A cache fills
 * an index at the first look-up.
 */
export interface Index<T> {
  readonly name: string
  readonly valuesOf: (object: T) => readonly (string | undefined)[]
}

/**
 * Example: `defineIndex(pods, 'by node', (pod) => [pod.spec.nodeName])`. Undefined values are left out of the index.
 * @param name names the index in the error that is thrown when `valuesOf` throws
 */
export const defineIndex = <T extends KubeObject>(
  kind: TypedResourceDef<T>,
  name: string,
  valuesOf: Index<T>['valuesOf'],
): Index<T> => ({ name: `${kind.plural} ${name}`, valuesOf })

/** Only the informer writes to the cache. Objects are frozen: to change one, clone it with `structuredClone`. */
export interface ReadonlyCache<T extends KubeObject> {
  readonly size: number
  /** @param key `namespace/name` or `name` */
  get(key: string): T | undefined
  has(key: string): boolean
  /** In no particular order. */
  list(namespace?: string): T[]
  keys(): IterableIterator<string>
  values(): IterableIterator<T>
  byIndex(index: Index<T>, value: string): T[]
}

const byNamespace: Index<KubeObject> = { name: 'by namespace', valuesOf: ({ metadata }) => [metadata.namespace] }

interface IndexState {
  keysByValue: Map<string, Set<string>>
  valuesByKey: Map<string, readonly string[]>
}

export class Cache<T extends KubeObject> implements ReadonlyCache<T> {
  readonly #objects = new Map<string, T>()
  readonly #indexes = new Map<Index<T>, IndexState>()

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
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(byNamespace, namespace)
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys()
  }

  values(): IterableIterator<T> {
    return this.#objects.values()
  }

  byIndex(index: Index<T>, value: string): T[] {
    const { keysByValue } = this.#indexes.get(index) ?? this.#build(index)
    const found: T[] = []
    for (const key of keysByValue.get(value) ?? []) {
      const object = this.#objects.get(key)
      if (object) found.push(object)
    }
    return found
  }

  /** Returns the object that was replaced. If an index function throws, the cache is unchanged. */
  set(object: T): T | undefined {
    const key = keyOf(object.metadata)
    const values = [...this.#indexes].map(([index, state]) => [state, valuesIn(index, object)] as const)
    const old = this.#objects.get(key)
    this.#objects.set(key, object)
    for (const [state, now] of values) reindex(state, key, now)
    return old
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key)
    if (!old) return undefined
    this.#objects.delete(key)
    for (const state of this.#indexes.values()) reindex(state, key, [])
    return old
  }

  #build(index: Index<T>): IndexState {
    const state: IndexState = { keysByValue: new Map(), valuesByKey: new Map() }
    for (const [key, object] of this.#objects) reindex(state, key, valuesIn(index, object))
    this.#indexes.set(index, state)
    return state
  }
}

function valuesIn<T extends KubeObject>(index: Index<T>, object: T): readonly string[] {
  try {
    return [...new Set(index.valuesOf(object).filter((value) => value !== undefined))]
  } catch (cause) {
    throw new Error(`index ${index.name} failed on ${keyOf(object.metadata)}`, { cause })
  }
}

function reindex({ keysByValue, valuesByKey }: IndexState, key: string, now: readonly string[]): void {
  for (const value of valuesByKey.get(key) ?? []) if (!now.includes(value)) dropKey(keysByValue, value, key)
  for (const value of now) addKey(keysByValue, value, key)
  if (now.length > 0) valuesByKey.set(key, now)
  else valuesByKey.delete(key)
}

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

/** Does not look for cycles, which parsed JSON does not have. */
export function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Array.isArray(value) ? value : Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}

/** `managedFields` is often half of an object, and no reader of a cache needs it. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _dropped, ...metadata } = object.metadata as KubeObject['metadata'] & {
    managedFields?: unknown
  }
  return { ...object, metadata }
}
