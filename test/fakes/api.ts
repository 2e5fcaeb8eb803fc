/**
 * An API server in memory, as far as ours asks it: writes with field managers, conflicts, generations, finalizers, watches. That it does as the
 * real one does is held by api.rig.test.ts, which runs one table of operations on both. CEL rules and the collection of owned objects are not here.
 */
import { kinds } from '../../hack/generate/kinds.ts'
import type { Kube } from '../../kube/client.ts'
import { type Clock, systemClock } from '../../kube/clock.ts'
import type { WatchOptions } from '../../kube/list-watch.ts'
import type { Scope } from '../../kube/lister.ts'
import { createMetrics } from '../../kube/metrics.ts'
import type { ApplyOptions, DeleteOptions, Resource, WriteOptions } from '../../kube/resource.ts'
import {
  apiVersionOf,
  type CallOptions,
  type Draft,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type Ref,
  type ResourceDef,
  type WatchEvent,
} from '../../kube/types.ts'
import { textOf } from './fields.ts'
import { type Call, Life } from './life.ts'
import { bare, clean, filled, nothing, type Preconditions, precondition, sameUid, system } from './meta.ts'
import {
  applied,
  checked,
  defaulted,
  factsOf,
  type KindFacts,
  type Manager,
  mergePatch,
  type Obj,
  refuse,
  type Stored,
  sameOwners,
  specChanged,
  updated,
  writable,
} from './store.ts'
import { frozen, same } from './values.ts'
import { selecting, Watches } from './watches.ts'

type By = Omit<Manager, 'fields' | 'operation'>
type Loose = { [key: string]: unknown; metadata: Partial<ObjectMeta> & { [key: string]: unknown } }

interface Session {
  life: Life
  manager: string
}

/** A change as the server made it; `after` is undefined where the object is gone. */
export interface Write {
  plural: string
  key: string
  manager: string
  before: Obj | undefined
  after: Obj | undefined
}

export class FakeApi {
  readonly #stores = new Map<string, Map<string, Stored>>()
  readonly #watches = new Watches()
  readonly #now: () => Date
  readonly #onWrite: (write: Write) => void
  /** Some have gone before: no version of an object is a small number. */
  #version = 1000
  #made = 0
  #writer = ''

  /**
   * @param now what the server's clock says
   * @param onWrite told of every change, in their order
   */
  constructor(now: () => Date = () => new Date(), onWrite: (write: Write) => void = () => undefined) {
    this.#now = now
    this.#onWrite = onWrite
  }

  /** A client for one life of a process. */
  kube(life: Life = new Life(), manager = 'test', clock: Clock = systemClock): Kube {
    const kube: Kube = {
      metrics: createMetrics(),
      clock,
      resource: <T extends KubeObject>(def: ResourceDef) => this.resource<T>(def, life, manager),
      as: () => kube,
      [Symbol.asyncDispose]: async () => undefined,
    }
    return kube
  }

  resource<T extends KubeObject>(def: ResourceDef, life: Life = new Life(), manager = 'test'): Resource<T> {
    const facts = factsOf(
      def,
      kinds.find(({ plural }) => plural === def.plural),
    )
    const session = { life, manager }
    const call = <R>(
      verb: string,
      ref: Ref,
      { signal, timeoutMs, mayWrite, fieldManager }: WriteOptions,
      act: () => R,
      more: Partial<Call> = {},
    ) =>
      life.pass<R>(
        { name: `${verb} ${def.plural}/${keyOf(ref)}`, effect: true, signal, timeoutMs, mayWrite, ...more },
        () => {
          this.#writer = fieldManager ?? manager
          return act()
        },
      )
    const read = <R>(verb: string, ref: Ref, options: CallOptions, act: () => R): Promise<R> =>
      call(verb, ref, options, act, { effect: false, idempotent: true })
    const all = (scope: Scope) => ({
      items: this.peek<Obj>(def.plural).filter(selecting(scope)) as unknown as T[],
      resourceVersion: `${this.#version}`,
    })
    const apply = (object: Draft<T>, options: ApplyOptions = {}): Promise<T> => {
      const verb = options.subresource === 'status' ? 'applyStatus' : 'apply'
      const act = () => this.#apply(facts, object, options, session) as unknown as T
      return call(verb, object.metadata, options, act, { idempotent: object.metadata.resourceVersion === undefined })
    }
    return {
      def,
      get: (ref, options = {}) => read('get', ref, options, () => this.#find(facts, ref).object as unknown as T),
      list: (options = {}) => read('list', { namespace: options.namespace }, options, () => all(options)),
      async *pages(options = {}) {
        yield await read('list', { namespace: options.namespace }, options, () => all(options))
      },
      create: (object, options = {}) =>
        call(
          'create',
          object.metadata,
          options,
          () => this.#create(facts, object as Loose, options, session) as unknown as T,
        ),
      update: (object, options = {}) =>
        call(
          'update',
          object.metadata,
          options,
          () => this.#replace(facts, object as Loose, options, session) as unknown as T,
        ),
      apply,
      applyStatus: (object, options = {}) => apply(object, { ...options, subresource: 'status' }),
      patch: (ref, patch, options = {}) =>
        call('patch', ref, options, () => this.#patch(facts, ref, patch, options, session) as unknown as T),
      delete: (ref, options = {}) => call('delete', ref, options, () => this.#delete(facts, ref, options)),
      watch: (options = {}) => this.#watches.watch<T>((push) => this.follow(def.plural, options, push), options.signal),
    }
  }

  /**
   * What a watch with these options is told, event by event, until the returned function is called: at once what is there, if asked for.
   * @throws ApiError 410 where the resourceVersion is forgotten
   */
  follow(plural: string, options: WatchOptions, push: (event: WatchEvent<KubeObject>) => void): () => void {
    const objects = [...this.#store(plural).values()].map(({ object }) => object)
    return this.#watches.follow(plural, options, { objects, version: this.#version }, push)
  }

  /** What happened until now is forgotten: who watches from an older version must list anew. */
  compact(): void {
    this.#watches.compact(this.#version)
  }

  /** Of the newest write. */
  get version(): number {
    return this.#version
  }

  /** Watches say nothing until {@link resumeWatches}: caches stay behind, as they may. */
  pauseWatches(): void {
    this.#watches.pause(true)
  }

  resumeWatches(): void {
    this.#watches.pause(false)
  }

  /** All objects of a kind, as they are. */
  list<T>(plural: string, namespace?: string): T[] {
    const objects = [...this.#store(plural).values()].map(({ object }) => object)
    return structuredClone(objects.filter(({ metadata }) => !namespace || metadata.namespace === namespace)) as T[]
  }

  /** The same without copies: not to be changed. */
  peek<T>(plural: string): T[] {
    return [...this.#store(plural).values()].map(({ object }) => object) as T[]
  }

  find(plural: string, key: string): unknown {
    return structuredClone(this.#store(plural).get(key)?.object)
  }

  /** Who owns which fields: `manager operation subresource` → paths. */
  owners(plural: string, key: string): Record<string, string[]> {
    const { managers = [] } = this.#store(plural).get(key) ?? {}
    return Object.fromEntries(
      managers.map(({ name, operation, subresource, fields }) => [
        [name, operation, subresource].join(' ').trim(),
        [...fields.values()].map(textOf).sort(),
      ]),
    )
  }

  #store(plural: string): Map<string, Stored> {
    const found = this.#stores.get(plural) ?? new Map<string, Stored>()
    this.#stores.set(plural, found)
    return found
  }

  #find({ def }: KindFacts, ref: Ref): Stored {
    const found = this.#store(def.plural).get(keyOf(ref))
    if (!found) throw refuse(404, 'NotFound', `${def.plural} "${ref.name}" not found`)
    return found
  }

  #create(facts: KindFacts, draft: Loose, options: WriteOptions, session: Session): Obj {
    const by = byOf(options, session, '')
    const meta = draft.metadata
    const name = meta.name ?? `${String(meta['generateName'])}${(this.#made + 1).toString(36).padStart(5, '0')}`
    const key = keyOf({ name, namespace: meta.namespace })
    if (meta['resourceVersion'] !== undefined)
      throw refuse(400, 'BadRequest', 'resourceVersion should not be set on objects to be created')
    if (this.#store(facts.def.plural).has(key))
      throw refuse(409, 'AlreadyExists', `${facts.def.plural} "${name}" already exists`)
    const object = this.#fresh(facts, { ...draft, metadata: { ...meta, name } })
    return this.#save(facts, undefined, updated(nothing(object), object, by, facts))
  }

  /** A new object, whole, with the server's own fields. */
  #fresh(facts: KindFacts, draft: Loose): Obj {
    this.#made += 1
    const { def, hasStatus } = facts
    const { status, ...rest } = draft
    const object = defaulted(
      {
        ...rest,
        ...(hasStatus || status === undefined ? {} : { status }),
        apiVersion: apiVersionOf(def),
        kind: def.kind,
        metadata: {
          ...clean(draft.metadata),
          name: draft.metadata.name ?? '',
          uid: `00000000-0000-4000-8000-${this.#made.toString(16).padStart(12, '0')}`,
          resourceVersion: '',
          generation: 1,
          creationTimestamp: this.#time(),
        },
      },
      facts,
    )
    return checked(object, facts)
  }

  #time(): string {
    return this.#now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
  }

  #apply(facts: KindFacts, draft: Loose, options: ApplyOptions, session: Session): Obj {
    const { subresource = '', force = true } = options
    const by = byOf(options, session, subresource)
    const { uid, resourceVersion } = draft.metadata
    if (subresource && facts.kind && !facts.hasStatus)
      throw refuse(404, 'NotFound', 'the server could not find the requested resource')
    const config = frozen(writable(draft, facts, subresource))
    const found = this.#store(facts.def.plural).get(keyOf(draft.metadata))
    if (!found) {
      if (subresource) throw refuse(404, 'NotFound', `${facts.def.plural} "${draft.metadata.name}" not found`)
      if (uid !== undefined) throw refuse(409, 'Conflict', `uid mismatch: no existing object was found`)
      const object = this.#fresh(facts, draft)
      const { managers } = applied(nothing(object), config, by, facts, force)
      return this.#save(facts, undefined, { object, managers })
    }
    precondition(found.object, { resourceVersion })
    // Where only the status is written, the uid counts for nothing.
    if (!subresource) sameUid(found.object, uid)
    const next = applied(found, config, by, facts, force)
    return this.#save(facts, found, { ...next, object: defaulted(next.object, facts) })
  }

  #patch(facts: KindFacts, ref: Ref, patch: object, options: WriteOptions, session: Session): Obj {
    const found = this.#find(facts, ref)
    const { uid, resourceVersion } = ('metadata' in patch ? patch.metadata : {}) as Preconditions
    if (resourceVersion !== undefined) precondition(found.object, { resourceVersion })
    sameUid(found.object, uid)
    return this.#written(facts, found, mergePatch(found.object, patch) as Obj, options, session)
  }

  #replace(facts: KindFacts, draft: Loose, options: WriteOptions, session: Session): Obj {
    const found = this.#find(facts, draft.metadata)
    const { uid, resourceVersion } = draft.metadata
    precondition(found.object, { uid, resourceVersion })
    const { apiVersion, kind, metadata } = found.object
    const object = {
      ...frozen(draft),
      apiVersion,
      kind,
      metadata: { ...clean(draft.metadata), ...bare(found.object), ...system(metadata) },
    }
    return this.#written(facts, found, object as unknown as Obj, options, session)
  }

  /** An update: of the status alone, or of all but the status where that has an endpoint of its own. */
  #written(facts: KindFacts, before: Stored, wanted: Obj, options: WriteOptions, session: Session): Obj {
    const { subresource = '' } = options
    const { status: old, ...main } = before.object
    const { status, ...rest } = defaulted(frozen(wanted), facts)
    const kept = facts.hasStatus && subresource === '' ? old : status
    const object = {
      ...(subresource === 'status' ? main : rest),
      ...(kept === undefined ? {} : { status: kept }),
    } as Obj
    const metadata = { ...object.metadata, ...system(before.object.metadata) } as Obj['metadata']
    const next = updated(before, { ...object, metadata }, byOf(options, session, subresource), facts)
    return this.#save(facts, before, next)
  }

  #delete(facts: KindFacts, ref: Ref, { preconditions = {} }: DeleteOptions): void {
    const found = this.#find(facts, ref)
    precondition(found.object, preconditions)
    const { metadata } = found.object
    if ((metadata.finalizers ?? []).length === 0) return this.#forget(facts, found)
    if (metadata.deletionTimestamp !== undefined) return
    const dying = {
      ...metadata,
      generation: metadata.generation + 1,
      deletionTimestamp: this.#time(),
      deletionGracePeriodSeconds: 0,
    }
    this.#put(facts, { ...found, object: { ...found.object, metadata: dying } }, 'MODIFIED')
  }

  #save(facts: KindFacts, before: Stored | undefined, next: Stored): Obj {
    checked(next.object, facts, before?.object)
    if (!before) return this.#put(facts, next, 'ADDED')
    if (same(before.object, next.object) && sameOwners(before, next)) return before.object
    const { generation } = before.object.metadata
    const isNewSpec = specChanged(before.object, next.object, facts)
    const metadata = { ...next.object.metadata, ...(isNewSpec ? { generation: generation + 1 } : {}) }
    if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0) {
      this.#forget(facts, next)
      return frozen({ ...next.object, metadata: filled(metadata) })
    }
    return this.#put(facts, { ...next, object: { ...next.object, metadata } }, 'MODIFIED')
  }

  #put(facts: KindFacts, { object, managers }: Stored, type: 'ADDED' | 'MODIFIED'): Obj {
    this.#version += 1
    const kept = frozen({
      ...object,
      metadata: { ...filled(object.metadata), resourceVersion: `${this.#version}` },
    })
    const store = this.#store(facts.def.plural)
    const key = keyOf(kept.metadata)
    const before = store.get(key)?.object
    store.set(key, { object: kept, managers })
    this.#watches.tell(facts.def.plural, type, kept)
    this.#onWrite({ plural: facts.def.plural, key, manager: this.#writer, before, after: kept })
    return kept
  }

  #forget({ def }: KindFacts, { object }: Stored): void {
    this.#version += 1
    const key = keyOf(object.metadata)
    const before = this.#store(def.plural).get(key)?.object
    this.#store(def.plural).delete(key)
    const last = frozen({ ...object, metadata: { ...object.metadata, resourceVersion: `${this.#version}` } })
    this.#watches.tell(def.plural, 'DELETED', last)
    this.#onWrite({ plural: def.plural, key, manager: this.#writer, before, after: undefined })
  }
}

const byOf = ({ fieldManager }: WriteOptions, { manager }: Session, subresource: string): By => ({
  name: fieldManager ?? manager,
  subresource,
})
