// A store gives access to the objects of one kind: an informer's cache to read from, and an API client (`Resource`) to
// write with.
import type { ReadonlyCache } from './cache.ts'
import type { Kube } from './client.ts'
import { createInformer, type Informer } from './informer.ts'
import type { Scope } from './lister.ts'
import { type Log, noLog } from './log.ts'
import type { Resource } from './resource.ts'
import type { KubeObject, TypedResourceDef } from './types.ts'

export interface StoreOptions<T extends KubeObject> extends Scope {
  /** Removes fields that no reader needs. Called before the object is frozen and cached. */
  transform?(object: T): T
}

/**
 * Declare a definition once and use that value everywhere, because a store is looked up by the identity (===) of its
 * definition.
 */
export interface StoreDef<T extends KubeObject> {
  readonly kind: TypedResourceDef<T>
  readonly options: StoreOptions<T>
}

/** Example: `defineStore(configMaps, { namespace: 'n' })` caches only the ConfigMaps in the namespace `n`. */
export const defineStore = <T extends KubeObject>(
  kind: TypedResourceDef<T>,
  options: StoreOptions<T> = {},
): StoreDef<T> => ({ kind, options })

export interface Store<T extends KubeObject> {
  readonly def: StoreDef<T>
  /** May be a little outdated. */
  readonly cache: ReadonlyCache<T>
  /** Reads from the API server, not from the cache. */
  readonly api: Resource<T>
  readonly informer: Informer<T>
}

export type StoreDefs = Readonly<Record<string, StoreDef<KubeObject>>>
export type StoresOf<D extends StoreDefs> = {
  readonly [K in keyof D]: D[K] extends StoreDef<infer T> ? Store<T> : never
}

export interface StoresContext {
  kube: Kube
  log?: Log | undefined
}

/** Does not start the informers. */
export function createStores<D extends StoreDefs>(defs: D, { kube, log = noLog }: StoresContext): StoresOf<D> {
  const { metrics, clock } = kube
  const createStore = (def: StoreDef<KubeObject>): Store<KubeObject> => {
    const api = kube.resource(def.kind)
    const informer = createInformer(api, { ...def.options, log, metrics, clock })
    return { def, cache: informer.cache, api, informer }
  }
  return Object.fromEntries(Object.entries(defs).map(([name, def]) => [name, createStore(def)])) as StoresOf<D>
}

const informersOf = (stores: object): Informer<KubeObject>[] =>
  Object.values(stores).map(({ informer }: Store<KubeObject>) => informer)

/** Starts the informers that are not started yet. Resolves when all have their first list. */
export async function startStores(stores: object, signal: AbortSignal): Promise<void> {
  const informers = informersOf(stores)
  for (const informer of informers) informer.start(signal)
  await Promise.all(informers.map((informer) => informer.synced(signal)))
}

export const unsyncedStores = (stores: object): string[] =>
  informersOf(stores).flatMap(({ hasSynced, name }) => (hasSynced ? [] : [name]))
