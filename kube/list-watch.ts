import { ApiError, type Status } from './errors.ts'
import { parseJsonLines } from './json-lines.ts'
import type { Transport } from './transport.ts'
import type { CallOptions, KubeObject, Ref, ResourceDef, WatchEvent } from './types.ts'
import { apiVersionOf } from './types.ts'

export interface Selectors {
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
}
export interface ListOptions extends CallOptions, Selectors {
  /** Absent: all namespaces. */
  namespace?: string | undefined
  /** Objects per page; 500 by default. */
  limit?: number | undefined
}
export interface Page<T> {
  items: T[]
  resourceVersion: string
}
export interface WatchOptions extends Selectors {
  namespace?: string | undefined
  /**
   * The watch begins with the events after this version. Absent: the server first sends ADDED events for all objects.
   */
  resourceVersion?: string | undefined
  timeoutSeconds?: number | undefined
  /**
   * true: the server first streams the list as events, then sends a bookmark annotated `k8s.io/initial-events-end`
   * (WatchList).
   */
  sendInitialEvents?: boolean | undefined
  /** Longest silence in ms between two chunks of the answer. 0 or absent: no limit. */
  idleMs?: number | undefined
  signal?: AbortSignal | undefined
}

interface ListBody<T> {
  items?: T[]
  metadata?: { resourceVersion?: string; continue?: string }
}

export function pathOf(def: ResourceDef, ref: Ref, subresource?: string): string {
  const root = def.group === '' ? `/api/${def.version}` : `/apis/${def.group}/${def.version}`
  if (!def.namespaced && ref.namespace) throw new TypeError(`${def.kind} has no namespace, ${ref.namespace} was given`)
  const namespace = ref.namespace ? `/namespaces/${encodeURIComponent(ref.namespace)}` : ''
  const tail = [ref.name, subresource]
    .filter((part) => part !== undefined)
    .map((part) => `/${encodeURIComponent(part)}`)
  return `${root}${namespace}/${def.plural}${tail.join('')}`
}

export function queryString(values: Record<string, string | number | boolean | undefined>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) search.set(name, String(value))
  return search.size === 0 ? '' : `?${search.toString()}`
}

/** If the continue token expires, throws an error for which `isGone` is true: the caller must list from the start. */
export async function* listPages<T extends KubeObject>(
  transport: Transport,
  def: ResourceDef,
  options: ListOptions,
): AsyncGenerator<Page<T>> {
  const { namespace, signal, timeoutMs, limit = 500, ...selectors } = options
  let token: string | undefined
  do {
    const path = pathOf(def, { namespace }) + queryString({ ...selectors, continue: token, limit })
    const body: ListBody<T> = await transport.json({ method: 'GET', path, signal, timeoutMs })
    const items = body.items ?? []
    for (const item of items) {
      item.apiVersion ??= apiVersionOf(def) // in lists of built-in kinds the API server omits apiVersion and kind
      item.kind ??= def.kind
    }
    yield { items, resourceVersion: body.metadata?.resourceVersion ?? '' }
    token = body.metadata?.continue || undefined
  } while (token)
}

/** Joins all pages into one. */
export async function collectPages<T>(source: AsyncIterable<Page<T>>): Promise<Page<T>> {
  const all: Page<T> = { items: [], resourceVersion: '' }
  for await (const page of source) {
    all.resourceVersion = page.resourceVersion
    for (const item of page.items) all.items.push(item)
  }
  return all
}

/**
 * Ends when the server ends the watch. Throws ApiError on an ERROR event, a broken connection, and a silence of
 * `idleMs`.
 */
export async function* openWatch<T extends KubeObject>(
  transport: Transport,
  def: ResourceDef,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const { namespace, signal, idleMs, sendInitialEvents, ...selectors } = options
  const initial = sendInitialEvents ? { sendInitialEvents, resourceVersionMatch: 'NotOlderThan' } : {}
  const query = queryString({ watch: true, allowWatchBookmarks: true, ...initial, ...selectors })
  const path = pathOf(def, { namespace }) + query
  try {
    for await (const event of parseJsonLines(await transport.stream({ method: 'GET', path, signal, idleMs }))) {
      const { type, object } = event as { type: string; object: unknown }
      if (type === 'ERROR') {
        const body = object as Status
        throw new ApiError({ request: `WATCH ${path}`, status: body.code ?? 500, body })
      }
      yield event as WatchEvent<T>
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof ApiError ? error : new ApiError({ request: `WATCH ${path}`, status: 0, cause: error })
  }
}
