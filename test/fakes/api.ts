/**
 * An in-memory API server with the features that controller and agent need, without CEL rules and garbage collection.
 * api.rig.test.ts compares it with a real one.
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
import { pathToText } from './fields.ts'
import { type Call, Life } from './life.ts'
import {
  checkPreconditions,
  checkUid,
  dropEmptyMembers,
  dropUndefinedMembers,
  identityOf,
  makeEmptyStored,
  makeTerminating,
  type Preconditions,
  systemFieldsOf,
} from './meta.ts'
import {
  applyConfig,
  hasSameOwners,
  hasSpecChanged,
  type KindFacts,
  kindFactsOf,
  type Manager,
  managedPartOf,
  mergePatch,
  newApiError,
  type Obj,
  type Stored,
  updateObject,
  validateObject,
  withSchemaDefaults,
} from './store.ts'
import { deepFreeze, isDeepEqual } from './values.ts'
import { makeSelector, Watches } from './watches.ts'

type Writer = Omit<Manager, 'fields' | 'operation'>
type DraftObject = { [key: string]: unknown; metadata: Partial<ObjectMeta> & { [key: string]: unknown } }

interface Session {
  life: Life
  manager: string
}

/** `before` is undefined for a creation, `after` for a removal. */
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
  /** Starts high, because on a real API server no object has a small resourceVersion. */
  #version = 1000
  #createdCount = 0
  #writer = ''

  /** @param onWrite called after every change, in order */
  constructor(now: () => Date = () => new Date(), onWrite: (write: Write) => void = () => undefined) {
    this.#now = now
    this.#onWrite = onWrite
  }

  /** Creates a client for one process. With `life` (life.ts), a test can make its calls fail or kill the process. */
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
    const kindFacts = kindFactsOf(
      def,
      kinds.find(({ plural }) => plural === def.plural),
    )
    const session = { life, manager }
    const call = <R>(
      verb: string,
      ref: Ref,
      { signal, timeoutMs, mayWrite, fieldManager }: WriteOptions,
      run: () => R,
      more: Partial<Call> = {},
    ) =>
      life.perform<R>(
        { name: `${verb} ${def.plural}/${keyOf(ref)}`, hasEffect: true, signal, timeoutMs, mayWrite, ...more },
        () => {
          this.#writer = fieldManager ?? manager
          return run()
        },
      )
    const read = <R>(verb: string, ref: Ref, options: CallOptions, run: () => R): Promise<R> =>
      call(verb, ref, options, run, { hasEffect: false, idempotent: true })
    const list = (scope: Scope) => ({
      items: this.peek<Obj>(def.plural).filter(makeSelector(scope)) as unknown as T[],
      resourceVersion: `${this.#version}`,
    })
    const apply = (object: Draft<T>, options: ApplyOptions = {}): Promise<T> => {
      const verb = options.subresource === 'status' ? 'applyStatus' : 'apply'
      const run = () => this.#apply(kindFacts, object, options, session) as unknown as T
      return call(verb, object.metadata, options, run, { idempotent: object.metadata.resourceVersion === undefined })
    }
    return {
      def,
      get: (ref, options = {}) => read('get', ref, options, () => this.#find(kindFacts, ref).object as unknown as T),
      list: (options = {}) => read('list', { namespace: options.namespace }, options, () => list(options)),
      async *pages(options = {}) {
        yield await read('list', { namespace: options.namespace }, options, () => list(options))
      },
      create: (object, options = {}) =>
        call(
          'create',
          object.metadata,
          options,
          () => this.#create(kindFacts, object as DraftObject, options, session) as unknown as T,
        ),
      update: (object, options = {}) =>
        call(
          'update',
          object.metadata,
          options,
          () => this.#replace(kindFacts, object as DraftObject, options, session) as unknown as T,
        ),
      apply,
      applyStatus: (object, options = {}) => apply(object, { ...options, subresource: 'status' }),
      patch: (ref, patch, options = {}) =>
        call('patch', ref, options, () => this.#patch(kindFacts, ref, patch, options, session) as unknown as T),
      delete: (ref, options = {}) => call('delete', ref, options, () => this.#delete(kindFacts, ref, options)),
      watch: (options = {}) => this.#watches.watch<T>((push) => this.follow(def.plural, options, push), options.signal),
    }
  }

  /**
   * Calls `push` for each event until the returned function is called. With sendInitialEvents, pushes the existing
   * objects first.
   * @throws ApiError 410 if {@link compact} has removed events since the resourceVersion
   */
  follow(plural: string, options: WatchOptions, push: (event: WatchEvent<KubeObject>) => void): () => void {
    const objects = [...this.#store(plural).values()].map(({ object }) => object)
    return this.#watches.follow(plural, options, { objects, version: this.#version }, push)
  }

  /** A watch from an older resourceVersion then fails, as after a compaction of etcd. */
  compact(): void {
    this.#watches.compact(this.#version)
  }

  /** The resourceVersion of the newest write. */
  get version(): number {
    return this.#version
  }

  /** Holds back events until {@link resumeWatches}, so that the caches of clients become stale. */
  pauseWatches(): void {
    this.#watches.setPaused(true)
  }

  resumeWatches(): void {
    this.#watches.setPaused(false)
  }

  /** Copies of all objects of a kind. */
  list<T>(plural: string, namespace?: string): T[] {
    const objects = [...this.#store(plural).values()].map(({ object }) => object)
    return structuredClone(objects.filter(({ metadata }) => !namespace || metadata.namespace === namespace)) as T[]
  }

  /** The objects are not copied, so the caller must not change them. */
  peek<T>(plural: string): T[] {
    return [...this.#store(plural).values()].map(({ object }) => object) as T[]
  }

  find(plural: string, key: string): unknown {
    return structuredClone(this.#store(plural).get(key)?.object)
  }

  /** The keys have the form MANAGER OPERATION SUBRESOURCE. */
  fieldsByManager(plural: string, key: string): Record<string, string[]> {
    const { managers = [] } = this.#store(plural).get(key) ?? {}
    return Object.fromEntries(
      managers.map(({ name, operation, subresource, fields }) => [
        [name, operation, subresource].join(' ').trim(),
        [...fields.values()].map(pathToText).sort(),
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
    if (!found) throw newApiError(404, 'NotFound', `${def.plural} "${ref.name}" not found`, { name: ref.name ?? '' })
    return found
  }

  #create(facts: KindFacts, draft: DraftObject, options: WriteOptions, session: Session): Obj {
    const by = writerOf(options, session, '')
    const meta = draft.metadata
    const name = meta.name ?? `${String(meta['generateName'])}${(this.#createdCount + 1).toString(36).padStart(5, '0')}`
    const key = keyOf({ name, namespace: meta.namespace })
    if (meta['resourceVersion'] !== undefined)
      throw newApiError(400, 'BadRequest', 'resourceVersion should not be set on objects to be created')
    if (this.#store(facts.def.plural).has(key))
      throw newApiError(409, 'AlreadyExists', `${facts.def.plural} "${name}" already exists`)
    const object = this.#newObject(facts, { ...draft, metadata: { ...meta, name } })
    if (options.dryRun) return object
    return this.#save(facts, undefined, updateObject(makeEmptyStored(object), object, by, facts))
  }

  #newObject(facts: KindFacts, draft: DraftObject): Obj {
    this.#createdCount += 1
    const { def, hasStatus } = facts
    const { status, ...rest } = draft
    const object = withSchemaDefaults(
      {
        ...rest,
        ...(hasStatus || status === undefined ? {} : { status }),
        apiVersion: apiVersionOf(def),
        kind: def.kind,
        metadata: {
          ...dropUndefinedMembers(draft.metadata),
          name: draft.metadata.name ?? '',
          uid: `00000000-0000-4000-8000-${this.#createdCount.toString(16).padStart(12, '0')}`,
          resourceVersion: '',
          generation: 1,
          creationTimestamp: this.#time(),
        },
      },
      facts,
    )
    return validateObject(object, facts)
  }

  #time(): string {
    return this.#now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
  }

  #apply(facts: KindFacts, draft: DraftObject, options: ApplyOptions, session: Session): Obj {
    const { subresource = '', force = true } = options
    const by = writerOf(options, session, subresource)
    const { uid, resourceVersion } = draft.metadata
    if (subresource && facts.kind && !facts.hasStatus)
      throw newApiError(404, 'NotFound', 'the server could not find the requested resource')
    const config = deepFreeze(managedPartOf(draft, facts, subresource))
    const found = this.#store(facts.def.plural).get(keyOf(draft.metadata))
    if (!found) {
      const { name = '' } = draft.metadata
      if (subresource) throw newApiError(404, 'NotFound', `${facts.def.plural} "${name}" not found`, { name })
      if (uid !== undefined) throw newApiError(409, 'Conflict', `uid mismatch: no existing object was found`)
      const object = this.#newObject(facts, draft)
      const { managers } = applyConfig(makeEmptyStored(object), config, by, facts, force)
      return this.#save(facts, undefined, { object, managers })
    }
    checkPreconditions(found.object, { resourceVersion })
    // As on the real API server, a write to the status subresource ignores a uid in the request.
    if (!subresource) checkUid(found.object, uid)
    const next = applyConfig(found, config, by, facts, force)
    return this.#save(facts, found, { ...next, object: withSchemaDefaults(next.object, facts) })
  }

  #patch(facts: KindFacts, ref: Ref, patch: object, options: WriteOptions, session: Session): Obj {
    const found = this.#find(facts, ref)
    const { uid, resourceVersion } = ('metadata' in patch ? patch.metadata : {}) as Preconditions
    if (resourceVersion !== undefined) checkPreconditions(found.object, { resourceVersion })
    checkUid(found.object, uid)
    return this.#update(facts, found, mergePatch(found.object, patch) as Obj, options, session)
  }

  #replace(facts: KindFacts, draft: DraftObject, options: WriteOptions, session: Session): Obj {
    const found = this.#find(facts, draft.metadata)
    const { uid, resourceVersion } = draft.metadata
    checkPreconditions(found.object, { uid, resourceVersion })
    const { apiVersion, kind, metadata } = found.object
    const object = {
      ...deepFreeze(draft),
      apiVersion,
      kind,
      metadata: { ...dropUndefinedMembers(draft.metadata), ...identityOf(found.object), ...systemFieldsOf(metadata) },
    }
    return this.#update(facts, found, object as unknown as Obj, options, session)
  }

  /**
   * A request to `status` changes only the status. Any other request changes the rest, and the status only if the kind
   * has no status subresource.
   */
  #update(facts: KindFacts, before: Stored, desired: Obj, options: WriteOptions, session: Session): Obj {
    const { subresource = '' } = options
    const { status: oldStatus, ...oldMain } = before.object
    const { status, ...main } = withSchemaDefaults(deepFreeze(desired), facts)
    const newStatus = facts.hasStatus && subresource === '' ? oldStatus : status
    const object = {
      ...(subresource === 'status' ? oldMain : main),
      ...(newStatus === undefined ? {} : { status: newStatus }),
    } as Obj
    const metadata = { ...object.metadata, ...systemFieldsOf(before.object.metadata) } as Obj['metadata']
    const next = updateObject(before, { ...object, metadata }, writerOf(options, session, subresource), facts)
    return this.#save(facts, before, next)
  }

  #delete(facts: KindFacts, ref: Ref, { preconditions = {} }: DeleteOptions): void {
    const found = this.#find(facts, ref)
    checkPreconditions(found.object, preconditions)
    const { metadata } = found.object
    if ((metadata.finalizers ?? []).length === 0) return this.#removeObject(facts, found)
    if (metadata.deletionTimestamp !== undefined) return
    const object = { ...found.object, metadata: makeTerminating(metadata, this.#time()) }
    this.#storeObject(facts, { ...found, object }, 'MODIFIED')
  }

  #save(facts: KindFacts, before: Stored | undefined, next: Stored): Obj {
    validateObject(next.object, facts, before?.object)
    if (!before) return this.#storeObject(facts, next, 'ADDED')
    if (isDeepEqual(before.object, next.object) && hasSameOwners(before, next)) return before.object
    const { generation } = before.object.metadata
    const isNewSpec = hasSpecChanged(before.object, next.object, facts)
    const metadata = { ...next.object.metadata, ...(isNewSpec ? { generation: generation + 1 } : {}) }
    if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0) {
      this.#removeObject(facts, next)
      return deepFreeze({ ...next.object, metadata: dropEmptyMembers(metadata) })
    }
    return this.#storeObject(facts, { ...next, object: { ...next.object, metadata } }, 'MODIFIED')
  }

  #storeObject(facts: KindFacts, { object, managers }: Stored, type: 'ADDED' | 'MODIFIED'): Obj {
    this.#version += 1
    const stored = deepFreeze({
      ...object,
      metadata: { ...dropEmptyMembers(object.metadata), resourceVersion: `${this.#version}` },
    })
    const store = this.#store(facts.def.plural)
    const key = keyOf(stored.metadata)
    const before = store.get(key)?.object
    store.set(key, { object: stored, managers })
    this.#watches.publish(facts.def.plural, type, stored)
    this.#onWrite({ plural: facts.def.plural, key, manager: this.#writer, before, after: stored })
    return stored
  }

  #removeObject({ def }: KindFacts, { object }: Stored): void {
    this.#version += 1
    const key = keyOf(object.metadata)
    const before = this.#store(def.plural).get(key)?.object
    this.#store(def.plural).delete(key)
    const last = deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: `${this.#version}` } })
    this.#watches.publish(def.plural, 'DELETED', last)
    this.#onWrite({ plural: def.plural, key, manager: this.#writer, before, after: undefined })
  }
}

const writerOf = ({ fieldManager }: WriteOptions, { manager }: Session, subresource: string): Writer => ({
  name: fieldManager ?? manager,
  subresource,
})
