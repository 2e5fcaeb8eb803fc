// One kind as a program keeps it: an informer's cache to read, and the handle to write. Declared once, made for each client.
import type { ReadonlyCache } from './cache.ts'
import type { Kube } from './client.ts'
import { createInformer, type Informer } from './informer.ts'
import type { Scope } from './lister.ts'
import { type Log, noLog } from './log.ts'
import type { Resource } from './resource.ts'
import type { KubeObject, TypedResourceDef } from './types.ts'

export interface StoreOptions<T extends KubeObject> extends Scope {
  /** Drops what no reader needs, before an object is frozen and kept. */
  transform?(object: T): T
}

/** What is kept of which kind. Stores are the same if their definition is the same value. */
export interface StoreDef<T extends KubeObject> {
  readonly kind: TypedResourceDef<T>
  readonly options: StoreOptions<T>
}

/** `defineStore(configMaps)`; the options select objects and trim them. */
export const defineStore = <T extends KubeObject>(
  kind: TypedResourceDef<T>,
  options: StoreOptions<T> = {},
): StoreDef<T> => ({ kind, options })

export interface Store<T extends KubeObject> {
  readonly def: StoreDef<T>
  /** Follows the API server: what it has may be a little behind. */
  readonly cache: ReadonlyCache<T>
  /** Reads and writes at the API server. */
  readonly api: Resource<T>
  readonly informer: Informer<T>
}

/** Definitions by the names under which a program finds its stores. */
export type StoreDefs = Readonly<Record<string, StoreDef<KubeObject>>>
export type StoresOf<D extends StoreDefs> = {
  readonly [K in keyof D]: D[K] extends StoreDef<infer T> ? Store<T> : never
}

export interface StoresContext {
  kube: Kube
  log?: Log | undefined
}

/** One informer for each definition; none is started yet. */
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

/** Starts the informers, and resolves when each has its first list. Stores that are started already stay so. */
export async function startStores(stores: object, signal: AbortSignal): Promise<void> {
  const informers = informersOf(stores)
  for (const informer of informers) informer.start(signal)
  await Promise.all(informers.map((informer) => informer.synced(signal)))
}

/** The kinds whose first list is not there yet. */
export const unsyncedStores = (stores: object): string[] =>
  informersOf(stores).flatMap(({ hasSynced, name }) => (hasSynced ? [] : [name]))
