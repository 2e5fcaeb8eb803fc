// One kind of object as a typed handle: paths, verbs, and what each verb may be asked.

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
  dryRun?: boolean | undefined
  /** `status`, `scale`, … */
  subresource?: string | undefined
}
export interface ApplyOptions extends WriteOptions {
  /** Take over fields that another manager owns (true); false: 409 names the manager. */
  force?: boolean | undefined
}
export interface DeleteOptions extends WriteCallOptions {
  propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined
  /** Only if it is still this one: 409 otherwise. */
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined
  gracePeriodSeconds?: number | undefined
}
export interface JsonPatchStep {
  op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy'
  path: string
  value?: unknown
  from?: string
}

/** Every verb throws ApiError, or the caller's abort reason. */
export interface Resource<T extends KubeObject> {
  readonly def: ResourceDef
  get(ref: Ref, options?: CallOptions): Promise<T>
  /** All pages as one list. For large kinds take {@link Resource.pages}, or an informer. */
  list(options?: ListOptions): Promise<Page<T>>
  pages(options?: ListOptions): AsyncGenerator<Page<T>>
  /** Not retried once it may have arrived: whoever repeats it must bear AlreadyExists. */
  create: (object: Draft<T>, options?: WriteOptions) => Promise<T>
  /** PUT; `metadata.resourceVersion` is the compare-and-swap. */
  update: (object: Draft<T>, options?: WriteOptions) => Promise<T>
  /** Server-side apply, creating the object if need be. With `metadata.resourceVersion` it is a compare-and-swap. */
  apply(object: Draft<T>, options?: ApplyOptions): Promise<T>
  applyStatus(object: Draft<T>, options?: ApplyOptions): Promise<T>
  /** An object is a JSON merge patch (RFC 7386), an array a JSON patch (RFC 6902). */
  patch(ref: Ref, patch: object | readonly JsonPatchStep[], options?: WriteOptions): Promise<T>
  delete(ref: Ref, options?: DeleteOptions): Promise<void>
  /** Ends when the server ends it. ERROR events are thrown. */
  watch(options?: WatchOptions): AsyncGenerator<WatchEvent<T>>
}

/** A path to one object; a forgotten name or namespace would silently mean all of them. */
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

type Write = (
  method: Request['method'],
  path: string,
  body: object,
  options: ApplyOptions,
  more?: Partial<Request>,
) => Request

const createWriteRequest =
  (manager: string): Write =>
  (method, path, body, options, more = {}) => ({
    ...callOptions(options),
    method,
    path:
      path +
      queryString({
        fieldManager: options.fieldManager ?? manager,
        dryRun: options.dryRun ? 'All' : undefined,
        force: options.force,
      }),
    body,
    ...more,
  })

/** @param manager the field manager of every write that names none. */
export function createResource<T extends KubeObject>(
  transport: Transport,
  def: ResourceDef,
  manager: string,
): Resource<T> {
  const write = createWriteRequest(manager)
  const send = (request: Request): Promise<T> => transport.json<T>(request)
  const filled = (object: Draft<T>): object => ({ ...object, apiVersion: apiVersionOf(def), kind: def.kind })
  const apply = async (object: Draft<T>, options: ApplyOptions = {}): Promise<T> =>
    send(
      write(
        'PATCH',
        objectPath(def, object.metadata, options.subresource),
        filled(object),
        { force: true, ...options },
        {
          contentType: 'application/apply-patch+yaml',
          // A second send of a compare-and-swap would see the first as a conflict.
          idempotent: object.metadata.resourceVersion === undefined,
        },
      ),
    )
  return {
    def,
    get: async (ref, options = {}) => send({ ...callOptions(options), method: 'GET', path: objectPath(def, ref) }),
    list: (options = {}) => collectPages(listPages<T>(transport, def, options)),
    pages: (options = {}) => listPages<T>(transport, def, options),
    create: async (object, options = {}) =>
      send(write('POST', collectionPath(def, object.metadata), filled(object), options)),
    update: async (object, options = {}) =>
      send(write('PUT', objectPath(def, object.metadata, options.subresource), filled(object), options)),
    apply,
    applyStatus: (object, options = {}) => apply(object, { ...options, subresource: 'status' }),
    patch: async (ref, patch, options = {}) =>
      send(
        write('PATCH', objectPath(def, ref, options.subresource), patch, options, {
          contentType: Array.isArray(patch) ? 'application/json-patch+json' : 'application/merge-patch+json',
        }),
      ),
    async delete(ref, options = {}) {
      const { propagation: propagationPolicy, preconditions, gracePeriodSeconds } = options
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy, preconditions, gracePeriodSeconds }
      await send({ ...callOptions(options), method: 'DELETE', path: objectPath(def, ref), body })
    },
    watch: (options = {}) => openWatch<T>(transport, def, options),
  }
}
