// The few shapes of the Kubernetes API that every object shares, and what names one object among them.

/** `metadata` as the API server returns it. Optional fields also accept `undefined`, so that any generated type fits. */
export interface ObjectMeta {
  name: string
  namespace?: string | undefined
  generateName?: string | undefined
  uid?: string | undefined
  /** Opaque; compared for equality only, or sent back as a precondition. */
  resourceVersion?: string | undefined
  generation?: number | undefined
  creationTimestamp?: string | undefined
  deletionTimestamp?: string | undefined
  deletionGracePeriodSeconds?: number | undefined
  labels?: Record<string, string> | undefined
  annotations?: Record<string, string> | undefined
  finalizers?: string[] | undefined
  ownerReferences?: OwnerReference[] | undefined
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean | undefined
  blockOwnerDeletion?: boolean | undefined
}

/** What `metadata` must at least have for an object to pass through this package. */
export interface AnyMeta {
  name?: string | undefined
  namespace?: string | undefined
  uid?: string | undefined
  resourceVersion?: string | undefined
}

/** Any object of the Kubernetes API. Your own types (of a CRD, say) extend it structurally; nothing has to be registered. */
export interface KubeObject {
  apiVersion?: string | undefined
  kind?: string | undefined
  metadata: AnyMeta
}

/** Where a kind is served: `/apis/{group}/{version}/namespaces/{ns}/{plural}`; the core group is `''`. */
export interface ResourceDef {
  group: string
  version: string
  plural: string
  kind: string
  namespaced: boolean
  /** false: the status is part of the object, and is written with it. */
  statusSubresource?: boolean
}

/** A kind with the type of its objects, which only the compiler knows. Any `ResourceDef` will do where the type is given otherwise. */
export interface TypedResourceDef<T> extends ResourceDef {
  /** Never set: it only carries the type. */
  readonly objectType?: T
}

/** Names one object; the `metadata` of any object is a `Ref`. */
export interface Ref {
  name?: string | undefined
  namespace?: string | undefined
}

export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  object: T
}

type PartialDeep<V> = V extends readonly (infer I)[]
  ? readonly I[]
  : V extends object
    ? { [K in keyof V]?: PartialDeep<V[K]> | undefined }
    : V

/** What a writer sends: only the fields it owns. `apiVersion` and `kind` are filled in from the resource. */
export type Draft<T> = {
  [K in Exclude<keyof T, 'metadata' | 'apiVersion' | 'kind'>]?: PartialDeep<T[K]> | undefined
} & { apiVersion?: string; kind?: string; metadata: Partial<ObjectMeta> }

export const apiVersionOf = (def: Pick<ResourceDef, 'group' | 'version'>): string =>
  def.group === '' ? def.version : `${def.group}/${def.version}`

/** `namespace/name`, or `name` alone for what has no namespace: the key of caches and queues. */
export const keyOf = (ref: Ref): string => (ref.namespace ? `${ref.namespace}/${ref.name ?? ''}` : (ref.name ?? ''))

/** The inverse of {@link keyOf}. */
export function parseKey(key: string): { name: string; namespace?: string } {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** Code that runs later under the caller's time: `signal` cancels, `timeoutMs` bounds the whole call with its retries. */
export interface CallOptions {
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
}
export interface WriteCallOptions extends CallOptions {
  /** Asked before each sending: throws where it may not be sent. See fence.ts. */
  mayWrite?: (() => void) | undefined
}
