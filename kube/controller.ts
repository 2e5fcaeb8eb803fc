import { Channels } from './channel.ts'
import type { Kube } from './client.ts'
import type { Clock } from './clock.ts'
import { type Log, noLog } from './log.ts'
import type { Outcome } from './outcome.ts'
import { WorkQueue } from './queue.ts'
import type { Priority } from './ready-list.ts'
import { type ReconcileContext, runReconcileLoop } from './reconcile-loop.ts'
import { createStores, type Store, type StoreDef, type StoreDefs, type StoresOf, startStores } from './store.ts'
import { type KubeObject, keyOf } from './types.ts'
import { type Watch, watch } from './watch.ts'

export interface OwnWatchOptions<T> {
  /** If absent, every change needs a reconcile. */
  when?: (object: T) => boolean
  priority?: Priority
}

type Reconcile<S, Services> = (
  key: string,
  context: ReconcileContext & { readonly stores: S },
  services: Services,
) => Promise<Outcome | undefined | void>

/**
 * `Services` is the type of what `reconcile` needs besides the stores. TypeScript infers it from the third parameter of
 * `reconcile`.
 */
export interface ControllerDeclaration<T extends KubeObject, D extends StoreDefs, Services> {
  name: string
  /** Each change of an object of this kind enqueues the object's key. */
  for: StoreDef<T>
  /** Limits which changes of the own kind enqueue a key. `false`: none does. */
  own?: OwnWatchOptions<T> | false
  /** All stores that the controller reads or writes. Its watches and `reconcile` get these stores and no others. */
  stores: D
  watches?: readonly Watch<StoresOf<D>>[]
  /** 1 by default. */
  concurrency?: number
  /** Milliseconds; 60 000 by default. */
  timeoutMs?: number
  reconcile: Reconcile<StoresOf<D>, Services>
}

export interface Controller<Services = unknown> {
  readonly name: string
  /** The kind whose keys the controller reconciles. */
  readonly kind: string
  readonly stores: StoreDefs
  readonly watches: readonly Watch<never>[]
  readonly concurrency: number
  readonly timeoutMs: number | undefined
  readonly reconcile: Reconcile<never, Services>
}

export function defineController<T extends KubeObject, D extends StoreDefs, Services = unknown>(
  declaration: ControllerDeclaration<T, D, Services>,
): Controller<Services> {
  const { name, own = {}, stores, watches = [], concurrency = 1, timeoutMs, reconcile } = declaration
  const ownWatches = own ? [watchOwn(declaration.for, own)] : []
  return {
    name,
    kind: declaration.for.kind.kind,
    stores,
    watches: [...ownWatches, ...watches],
    concurrency,
    timeoutMs,
    reconcile,
  }
}

const watchOwn = <T extends KubeObject>(
  store: StoreDef<T>,
  { when = () => true, priority }: OwnWatchOptions<T>,
): Watch<unknown> => {
  const map = (object: T): string[] => (when(object) ? [keyOf(object.metadata)] : [])
  const because = 'The object itself changed.'
  return watch(store, { map, updated: (_, now) => map(now), because, ...(priority ? { priority } : {}) })
}

export interface Connection {
  stores: object
  queue: WorkQueue
  channels: Channels
  clock: Clock
}

/** Throws an error if a declared store does not exist. */
function ownStores(controller: Controller<never>, stores: object): Record<string, Store<KubeObject>> {
  const all = new Map(Object.values(stores).map((store: Store<KubeObject>) => [store.def, store]))
  const entries = Object.entries(controller.stores).map(([name, def]) => {
    const store = all.get(def)
    if (!store) throw new Error(`controller ${controller.name}: there is no store for its ${name}`)
    return [name, store] as const
  })
  return Object.fromEntries(entries)
}

/**
 * From now on the watches enqueue keys, beginning with those of the objects in the caches. Call this only when the
 * controller's loop is about to run: without workers, the queue would grow with every new object. Returns a function
 * that removes the watches.
 */
export function connectWatches(
  controller: Controller<never>,
  { stores, queue, channels, clock }: Connection,
): () => void {
  const own = ownStores(controller, stores)
  const storeOf = <T extends KubeObject>(def: StoreDef<T>): Store<T> => {
    const store = Object.values(own).find((candidate) => candidate.def === (def as StoreDef<KubeObject>))
    if (!store) throw new Error(`controller ${controller.name} watches ${def.kind.kind}, which is not among its stores`)
    return store as unknown as Store<T>
  }
  const stops = controller.watches.map(({ connect, after }) => {
    const enqueue = (keys: Iterable<string>, priority: Priority): void => {
      for (const key of keys) queue.add(key, { priority, after })
    }
    return connect({ stores: own as never, storeOf, channels, clock, enqueue })
  })
  return () => {
    for (const stop of stops) stop()
  }
}

export type RunOptions<Services> = {
  kube: Kube
  log?: Log
  /** Stores that the program has created, and may have started. Absent: they are created from the declarations. */
  stores?: object
  channels?: Channels
} & (unknown extends Services ? { services?: Services } : { services: Services })

/**
 * Reconciles until `signal` aborts; then waits for the work under way. With leader election, start the stores before
 * the election, so that a standby has filled caches, and call this function when the process leads.
 */
export async function runControllers<Services = unknown>(
  controllers: readonly Controller<Services>[],
  options: RunOptions<Services>,
  signal: AbortSignal,
): Promise<void> {
  const { kube, log = noLog, channels = new Channels(), services } = options
  const { metrics, clock } = kube
  const stores = options.stores ?? createStores(mergeStores(controllers), { kube, log })
  await startStores(stores, signal)
  const runs = controllers.map((controller) => {
    const { name, concurrency, timeoutMs } = controller
    const queue = new WorkQueue({ name, metrics, clock })
    const own = ownStores(controller, stores) as never
    return {
      disconnect: connectWatches(controller, { stores, queue, channels, clock }),
      loop: {
        name,
        queue,
        concurrency,
        timeoutMs,
        log,
        metrics,
        clock,
        reconcile: (key: string, context: ReconcileContext) =>
          controller.reconcile(key, { ...context, stores: own }, services as Services),
      },
    }
  })
  try {
    await Promise.all(runs.map(({ loop }) => runReconcileLoop(loop, signal)))
  } finally {
    for (const { disconnect } of runs) disconnect()
  }
}

function mergeStores(controllers: readonly Controller<never>[]): StoreDefs {
  const defs = new Set(controllers.flatMap(({ stores }) => Object.values(stores)))
  return Object.fromEntries([...defs].map((def, i) => [String(i), def]))
}
