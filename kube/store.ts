// A store gives access to the objects of one kind: it has the cache of an informer to read from, and an API client
// (`Resource`) to write with. A program declares a store once (StoreDef) and creates it for each Kube client.
import type { ReadonlyCache } from './cache.ts'
import type { Kube } from './client.ts'
import { createInformer, type Informer } from './informer.ts'
import type { Scope } from './lister.ts'
import { type Log, noLog } from './log.ts'
import type { Resource } from './resource.ts'
import type { KubeObject, TypedResourceDef } from './types.ts'

export interface StoreOptions<T extends KubeObject> extends Scope {
  /** Removes fields that no reader needs, before the informer freezes and caches the object. */
  transform?(object: T): T
}

/**
 * Says which kind a store caches, and which objects and fields of the kind. A store is looked up by the identity (===)
 * of its definition, so declare a definition once and use that value everywhere.
 */
export interface StoreDef<T extends KubeObject> {
  readonly kind: TypedResourceDef<T>
  readonly options: StoreOptions<T>
}

/**
 * Example: `defineStore(configMaps, { namespace: 'n' })` caches only the ConfigMaps in the namespace `n`. The options
 * select objects, and remove fields that no reader needs.
 */
export const defineStore = <T extends KubeObject>(
  kind: TypedResourceDef<T>,
  options: StoreOptions<T> = {},
): StoreDef<T> => ({ kind, options })

export interface Store<T extends KubeObject> {
  readonly def: StoreDef<T>
  /** A copy of the API server's objects, which may be a little outdated. */
  readonly cache: ReadonlyCache<T>
  /** The API client for the kind. It reads from the API server, not from the cache, and writes to the API server. */
  readonly api: Resource<T>
  readonly informer: Informer<T>
}

/** Definitions of stores, by the names under which the program finds the stores. */
export type StoreDefs = Readonly<Record<string, StoreDef<KubeObject>>>
export type StoresOf<D extends StoreDefs> = {
  readonly [K in keyof D]: D[K] extends StoreDef<infer T> ? Store<T> : never
}

export interface StoresContext {
  kube: Kube
  log?: Log | undefined
}

/** Creates an informer for each definition without starting it. */
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

/** Starts the informers that are not started yet, and resolves when all have their first list. */
export async function startStores(stores: object, signal: AbortSignal): Promise<void> {
  const informers = informersOf(stores)
  for (const informer of informers) informer.start(signal)
  await Promise.all(informers.map((informer) => informer.synced(signal)))
}

/** The names of the informers that have no first list yet. */
export const unsyncedStores = (stores: object): string[] =>
  informersOf(stores).flatMap(({ hasSynced, name }) => (hasSynced ? [] : [name]))
