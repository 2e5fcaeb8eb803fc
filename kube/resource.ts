import {
  collectPages,
  type ListOptions,
  listPages,
  openWatch,
  type Page,
  pathOf,
  queryString,
  type WatchOptions,
} from './list-watch.ts'
import type { Request, Transport } from './transport.ts'
import type { CallOptions, Draft, KubeObject, Ref, ResourceDef, WatchEvent, WriteCallOptions } from './types.ts'
import { apiVersionOf } from './types.ts'

export interface WriteOptions extends WriteCallOptions {
  fieldManager?: string | undefined
  /** The subresource to write, such as `status` or `scale`. Absent: the object itself. */
  subresource?: string | undefined
  /** true: the API server checks the write but stores nothing. For create and patch. */
  dryRun?: boolean | undefined
}
export interface ApplyOptions extends WriteOptions {
  /** true (default): takes over fields that another manager owns. false: rejects with a 409 that names the manager. */
  force?: boolean | undefined
}
export interface DeleteOptions extends WriteCallOptions {
  propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined
  /** The object is deleted only if it has this uid and this resourceVersion; otherwise the call rejects with 409. */
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined
}

/** Every verb rejects with ApiError, or with the caller's abort reason. */
export interface Resource<T extends KubeObject> {
  readonly def: ResourceDef
  get(ref: Ref, options?: CallOptions): Promise<T>
  /** All pages as one list. For kinds with many objects use {@link Resource.pages} or an informer. */
  list(options?: ListOptions): Promise<Page<T>>
  pages(options?: ListOptions): AsyncGenerator<Page<T>>
  /**
   * Not retried if the API server may have received the request. A caller that repeats the call must handle
   * AlreadyExists.
   */
  create: (object: Draft<T>, options?: WriteOptions) => Promise<T>
  /** PUT. `metadata.resourceVersion` makes it a compare-and-swap. */
  update: (object: Draft<T>, options?: WriteOptions) => Promise<T>
  /** Creates the object if it does not exist. `metadata.resourceVersion` makes it a compare-and-swap. */
  apply(object: Draft<T>, options?: ApplyOptions): Promise<T>
  applyStatus(object: Draft<T>, options?: ApplyOptions): Promise<T>
  /** JSON merge patch (RFC 7386). */
  patch(ref: Ref, patch: object, options?: WriteOptions): Promise<T>
  delete(ref: Ref, options?: DeleteOptions): Promise<void>
  /** Yields events until the server ends the watch. Throws an ApiError for an ERROR event. */
  watch(options?: WatchOptions): AsyncGenerator<WatchEvent<T>>
}

/** Throws an error if name or namespace is missing, because the path would then mean all objects of the kind. */
function objectPath(def: ResourceDef, ref: Ref, subresource?: string): string {
  if (!ref.name) throw new TypeError(`${def.kind}: a name is needed`)
  if (def.namespaced && !ref.namespace) throw new TypeError(`${def.kind} ${ref.name}: a namespace is needed`)
  return pathOf(def, ref, subresource)
}

function collectionPath(def: ResourceDef, { namespace }: Ref): string {
  if (def.namespaced && !namespace) throw new TypeError(`${def.kind}: a namespace is needed`)
  return pathOf(def, { namespace })
}

const callOptions = ({ signal, timeoutMs, mayWrite }: WriteCallOptions): WriteCallOptions => ({
  signal,
  timeoutMs,
  mayWrite,
})

type CreateWriteRequest = (
  method: Request['method'],
  path: string,
  body: object,
  options: ApplyOptions,
  more?: Partial<Request>,
) => Request

const writeRequestFactory =
  (defaultManager: string): CreateWriteRequest =>
  (method, path, body, options, more = {}) => {
    const { fieldManager = defaultManager, force, dryRun } = options
    const query = queryString({ fieldManager, force, dryRun: dryRun ? 'All' : undefined })
    return { ...callOptions(options), method, path: path + query, body, ...more }
  }

/** @param defaultManager the field manager of writes that name none. */
export function createResource<T extends KubeObject>(
  transport: Transport,
  def: ResourceDef,
  defaultManager: string,
): Resource<T> {
  const writeRequest = writeRequestFactory(defaultManager)
  const send = (request: Request): Promise<T> => transport.json<T>(request)
  const withTypeMeta = (object: Draft<T>): object => ({ ...object, apiVersion: apiVersionOf(def), kind: def.kind })
  const apply = async (object: Draft<T>, options: ApplyOptions = {}): Promise<T> => {
    const path = objectPath(def, object.metadata, options.subresource)
    // With a resourceVersion the write is a compare-and-swap: a second copy of the request conflicts with the first.
    const idempotent = object.metadata.resourceVersion === undefined
    const more = { contentType: 'application/apply-patch+yaml', idempotent }
    return send(writeRequest('PATCH', path, withTypeMeta(object), { force: true, ...options }, more))
  }
  return {
    def,
    get: async (ref, options = {}) => send({ ...callOptions(options), method: 'GET', path: objectPath(def, ref) }),
    list: (options = {}) => collectPages(listPages<T>(transport, def, options)),
    pages: (options = {}) => listPages<T>(transport, def, options),
    create: async (object, options = {}) =>
      send(writeRequest('POST', collectionPath(def, object.metadata), withTypeMeta(object), options)),
    update: async (object, options = {}) =>
      send(writeRequest('PUT', objectPath(def, object.metadata, options.subresource), withTypeMeta(object), options)),
    apply,
    applyStatus: (object, options = {}) => apply(object, { ...options, subresource: 'status' }),
    patch: async (ref, patch, options = {}) => {
      const path = objectPath(def, ref, options.subresource)
      return send(writeRequest('PATCH', path, patch, options, { contentType: 'application/merge-patch+json' }))
    },
    async delete(ref, options = {}) {
      const { propagation: propagationPolicy, preconditions } = options
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy, preconditions }
      await send({ ...callOptions(options), method: 'DELETE', path: objectPath(def, ref), body })
    },
    watch: (options = {}) => openWatch<T>(transport, def, options),
  }
}
