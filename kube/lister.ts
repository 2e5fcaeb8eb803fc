// Streams the list of an informer as a watch (WatchList) if the server supports that, else reads it in pages.

import { ApiError, isGone } from './errors.ts'
import type { Selectors } from './list-watch.ts'
import type { Resource } from './resource.ts'
import { type KubeObject, keyOf, type WatchEvent } from './types.ts'

export interface Scope extends Selectors {
  namespace?: string | undefined
}
export type ListMode = 'stream' | 'pages'
export interface ListResult<T> {
  objects: Map<string, T>
  resourceVersion: string
}
interface ListJob<T extends KubeObject> {
  resource: Resource<T>
  scope: Scope
  /** Trims and freezes an object as it arrives, so that there is never a second copy of the whole list. */
  prepare: (object: T) => T
  yieldIfDue: () => Promise<void> | undefined
  signal: AbortSignal
}

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'
/**
 * A stream that is silent for longer counts as dead: the server has the whole list in memory and no reason to pause.
 */
const STREAM_IDLE_MS = 20_000
const MAX_PAGED_ATTEMPTS = 3

/** Besides the result, only one line (`stream`) or one page (`pages`) is in memory at a time. */
export async function listObjects<T extends KubeObject>(job: ListJob<T>, mode: ListMode): Promise<ListResult<T>> {
  if (mode === 'stream') return listByStream(job)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await listByPages(job)
    } catch (error) {
      // A continue token expires after about five minutes. Later pages would show a later state, so the list starts
      // again.
      if (!isGone(error) || attempt === MAX_PAGED_ATTEMPTS) throw error
    }
  }
}

/** A server without WatchList rejects `sendInitialEvents` as invalid. */
export const isStreamingUnsupported = (error: unknown): boolean =>
  error instanceof ApiError &&
  (error.status === 422 || error.status === 400) &&
  /sendInitialEvents|resourceVersionMatch/.test(error.message)

async function listByStream<T extends KubeObject>(job: ListJob<T>): Promise<ListResult<T>> {
  const { resource, scope, prepare, yieldIfDue, signal } = job
  const objects = new Map<string, T>()
  const options = { ...scope, sendInitialEvents: true, timeoutSeconds: 600, idleMs: STREAM_IDLE_MS, signal }
  for await (const event of resource.watch(options)) {
    const key = keyOf(event.object.metadata)
    if (event.type === 'DELETED') objects.delete(key)
    else if (event.type !== 'BOOKMARK') objects.set(key, prepare(event.object))
    else if (isInitialEventsEnd(event)) return { objects, resourceVersion: event.object.metadata.resourceVersion ?? '' }
    const pause = yieldIfDue()
    if (pause) await pause
  }
  const cause = new Error('the stream ended before its first list was complete')
  throw new ApiError({ request: `LIST ${resource.def.plural}`, status: 0, cause })
}

function isInitialEventsEnd<T extends KubeObject>(event: WatchEvent<T>): boolean {
  const { annotations } = event.object.metadata as { annotations?: Record<string, string> }
  return annotations?.[INITIAL_EVENTS_END] === 'true'
}

async function listByPages<T extends KubeObject>({
  resource,
  scope,
  prepare,
  yieldIfDue,
  signal,
}: ListJob<T>): Promise<ListResult<T>> {
  const listed: ListResult<T> = { objects: new Map(), resourceVersion: '' }
  for await (const page of resource.pages({ ...scope, signal })) {
    listed.resourceVersion = page.resourceVersion
    for (const object of page.items) {
      listed.objects.set(keyOf(object.metadata), prepare(object))
      const pause = yieldIfDue()
      if (pause) await pause
    }
  }
  return listed
}
