/**
 * The state of the cloud as one caller may see and change it. Reads come from informer caches, if the API server lets
 * the caller read. Writes are made as the caller, for RBAC and the audit log, and return when the caches have them.
 */
import type { Secret } from '../../kube/builtin-kinds.ts'
import { secrets } from '../../kube/builtin-kinds.ts'
import type { Index } from '../../kube/cache.ts'
import type { Kube } from '../../kube/client.ts'
import type { DeleteOptions, Resource, WriteOptions } from '../../kube/resource.ts'
import type { Store, StoreDef, StoresOf } from '../../kube/store.ts'
import { type Draft, type KubeObject, keyOf, type Ref, type TypedResourceDef } from '../../kube/types.ts'
import { newForbidden } from '../http/fault.ts'
import { type Caller, isAdmin, type Project, uidFromProjectId } from '../identity/caller.ts'
import { projectFromNamespace } from '../identity/projects.ts'
import type { Access } from './access.ts'
import { CacheWaiter } from './cache-waiter.ts'
import { rethrowAsFault } from './errors.ts'
import { namespacesByUid, neverShared, sharingRuleOf, type storeDefs } from './stores.ts'

export type Stores = StoresOf<typeof storeDefs>

export interface StateParts {
  kube: Kube
  stores: Stores
  access: Access
}

export interface Reader<T extends KubeObject> {
  /**
   * Returns the objects of the caller's project and those that other projects share. If the kind has no namespaces,
   * returns all objects.
   */
  list(): T[]
  /** The objects of all projects. Throws a 403 unless the caller is an administrator. */
  listAllProjects(): T[]
  /** Returns the object with this name. If the kind has namespaces, looks only in the caller's project. */
  get(name: string): T | undefined
  find(index: Index<T>, value: string): T[]
}

/** Objects without a namespace are written in the caller's project. */
export interface Writer<T extends KubeObject> {
  /** Throws the fault that the creation of this object would throw, and creates nothing. */
  checkCreation(object: Draft<T>): Promise<void>
  create(object: Draft<T>, options?: WriteOptions): Promise<T>
  patch(ref: Ref, patch: object, options?: WriteOptions): Promise<T>
  delete(object: T, options?: DeleteOptions): Promise<void>
}

/** The part of the state that all callers share. There is one for the process. */
export class State {
  readonly kube: Kube
  readonly access: Access
  readonly #stores: Stores
  readonly #storeByDef = new Map<unknown, Store<KubeObject>>()
  readonly #waiters = new Map<StoreDef<KubeObject>, CacheWaiter<KubeObject>>()

  constructor({ kube, stores, access }: StateParts) {
    this.kube = kube
    this.access = access
    this.#stores = stores
    for (const store of Object.values(stores) as unknown as Store<KubeObject>[]) {
      this.#storeByDef.set(store.def, store)
      this.#waiters.set(store.def, new CacheWaiter(store.informer, kube.clock))
    }
  }

  /** The caches without any check of the caller. Routes use {@link CallerState}. */
  get unchecked(): Stores {
    return this.#stores
  }

  storeOf<T extends KubeObject>(def: StoreDef<T>): Store<T> {
    const store = this.#storeByDef.get(def)
    if (!store) throw new Error(`no store of ${def.kind.plural}`)
    return store as unknown as Store<T>
  }

  waiterOf<T extends KubeObject>(def: StoreDef<T>): CacheWaiter<T> | undefined {
    return this.#waiters.get(def) as unknown as CacheWaiter<T> | undefined
  }

  /** The project of a namespace. Its ID is empty while the cache does not have the namespace. */
  projectOf(namespace: string): Project {
    const found = this.#stores.namespaces.cache.get(namespace)
    return found ? projectFromNamespace(found) : { id: '', name: namespace, namespace }
  }

  /** The project with this ID; undefined if there is none. */
  findProject(id: string): Project | undefined {
    const [namespace] = this.#stores.namespaces.cache.byIndex(namespacesByUid, uidFromProjectId(id))
    const project = namespace && projectFromNamespace(namespace)
    return project?.id === id ? project : undefined
  }

  forCaller(caller: Caller): CallerState {
    return new CallerState(this, caller)
  }
}

export class CallerState {
  readonly shared: State
  readonly #caller: Caller
  readonly #kube: Kube

  constructor(shared: State, caller: Caller) {
    this.shared = shared
    this.#caller = caller
    this.#kube = shared.kube.as(caller.kubernetes)
  }

  get namespace(): string {
    if (!this.#caller.project) throw newForbidden('The token has no project.')
    return this.#caller.project.namespace
  }

  /**
   * Read access to a kind. Throws a 403 if the API server says that the caller may not list it.
   * @example const reader = await state.read(servers); const all = reader.list()
   */
  async read<T extends KubeObject>(def: StoreDef<T>): Promise<Reader<T>> {
    const { cache } = this.shared.storeOf(def)
    const readsAll = isAdmin(this.#caller)
    const { kind } = def
    const namespace = kind.namespaced && !readsAll ? this.namespace : undefined
    const allowed = await this.shared.access.isAllowed(this.#caller.kubernetes, { verb: 'list', kind, namespace })
    if (!allowed)
      throw newForbidden(`The user may not list ${kind.plural} in project ${this.#caller.project?.name ?? ''}.`)
    const isShared = sharingRuleOf(def)
    const isReadable = (object: T): boolean =>
      !kind.namespaced || readsAll || object.metadata.namespace === namespace || isShared(object)
    const isListed = (object: T): boolean => object.metadata.namespace === this.namespace || isShared(object)
    return {
      // Shared objects may be in any namespace, so kinds with sharing cannot use the index by namespace.
      list: () =>
        !kind.namespaced
          ? cache.list()
          : isShared === neverShared
            ? cache.list(this.namespace)
            : cache.list().filter(isListed),
      listAllProjects() {
        if (kind.namespaced && !readsAll)
          throw newForbidden('Only administrators may list the objects of all projects.')
        return cache.list()
      },
      get: (name) => cache.get(keyOf(kind.namespaced ? { name, namespace: this.namespace } : { name })),
      find: (index, value) => cache.byIndex(index, value).filter(isReadable),
    }
  }

  write<T extends KubeObject>(def: StoreDef<T>): Writer<T> {
    const waiter = this.shared.waiterOf(def)
    const { checkCreation, create, patch, delete: remove } = this.#rawWriter(def.kind)
    const waited = async (object: T): Promise<T> => {
      await waiter?.waitForWrite(object)
      return object
    }
    return {
      checkCreation,
      create: async (object, options) => waited(await create(object, options)),
      patch: async (ref, change, options) => waited(await patch(ref, change, options)),
      async delete(object, options) {
        await remove(object, options)
        await waiter?.waitForDeletion(keyOf(object.metadata), object.metadata.uid)
      },
    }
  }

  /** Write access to the Secrets of the caller's project. The shim has no cache of Secrets. */
  writeSecrets(): Writer<Secret> {
    return this.#rawWriter(secrets)
  }

  #rawWriter<T extends KubeObject>(kind: TypedResourceDef<T>): Writer<T> {
    const resource: Resource<T> = this.#kube.resource(kind)
    const namespace = (ref: Ref): object => (kind.namespaced ? { namespace: ref.namespace ?? this.namespace } : {})
    const create = (object: Draft<T>, options?: WriteOptions): Promise<T> =>
      rethrowAsFault(
        resource.create({ ...object, metadata: { ...object.metadata, ...namespace(object.metadata) } }, options),
      )
    return {
      create,
      checkCreation: async (object) => void (await create(object, { dryRun: true })),
      patch: (ref, change, options) =>
        rethrowAsFault(resource.patch({ name: ref.name, ...namespace(ref) }, change, options)),
      delete: ({ metadata }, options) =>
        rethrowAsFault(
          resource.delete(
            { name: metadata.name, ...namespace(metadata) },
            { preconditions: { uid: metadata.uid }, ...options },
          ),
        ),
    }
  }
}
