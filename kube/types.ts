/** Optional fields also accept `undefined`, so that any generated type fits. */
export interface ObjectMeta {
  name: string
  namespace?: string | undefined
  generateName?: string | undefined
  uid?: string | undefined
  /** Opaque: only compare it for equality, or send it back as the precondition of a write. */
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

export interface AnyMeta {
  name?: string | undefined
  namespace?: string | undefined
  uid?: string | undefined
  resourceVersion?: string | undefined
}

/** The types of a program's own kinds fit structurally, without being registered. */
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
  /** The `apiVersion` of the objects, where it is not that of the path, as for a subresource of another group. */
  apiVersion?: string
  /** false: a write of the object also writes its status. Default: true. */
  statusSubresource?: boolean
}

/**
 * Also tells the compiler the type of the kind's objects. A caller that states this type, as in
 * `kube.resource<Namespace>(def)`, needs only a plain `ResourceDef`.
 */
export interface TypedResourceDef<T> extends ResourceDef {
  /** Never set. Only the compiler uses it: it carries the type of the kind's objects. */
  readonly objectType?: T
}

/** The `metadata` of any object is a `Ref`. */
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

/**
 * The fields that one writer owns and sends, for example in a server-side apply. The client fills in `apiVersion` and
 * `kind`.
 */
export type Draft<T> = {
  [K in Exclude<keyof T, 'metadata' | 'apiVersion' | 'kind'>]?: PartialDeep<T[K]> | undefined
} & { apiVersion?: string; kind?: string; metadata: Partial<ObjectMeta> }

export const apiVersionOf = ({
  group,
  version,
  apiVersion,
}: Omit<ResourceDef, 'plural' | 'kind' | 'namespaced'>): string =>
  apiVersion ?? (group === '' ? version : `${group}/${version}`)

/** `namespace/name`, or `name` for cluster-scoped objects. */
export const keyOf = (ref: Ref): string => (ref.namespace ? `${ref.namespace}/${ref.name ?? ''}` : (ref.name ?? ''))

export const keysOf = (objects: Iterable<KubeObject>): string[] =>
  Array.from(objects, ({ metadata }) => keyOf(metadata))

/** The inverse of {@link keyOf}. */
export function parseKey(key: string): { name: string; namespace?: string } {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** `timeoutMs` is the time limit of the whole call with its retries. */
export interface CallOptions {
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
}
export interface WriteCallOptions extends CallOptions {
  /** Called before each attempt to send the request. If it throws, nothing is sent. See fence.ts. */
  mayWrite?: (() => void) | undefined
}
