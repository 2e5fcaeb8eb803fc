/**
 * A watch begins after a resourceVersion, and gets all later events that match its selectors. While a test pauses the
 * watches, events wait.
 */
import type { WatchOptions } from '../../kube/list-watch.ts'
import type { Scope } from '../../kube/lister.ts'
import type { KubeObject, WatchEvent } from '../../kube/types.ts'
import { newApiError, type Obj } from './store.ts'

interface LoggedEvent {
  plural: string
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  object: Obj
  before: Obj | undefined
  version: number
}

interface State {
  objects: Obj[]
  version: number
}

type Event = WatchEvent<KubeObject>

interface Follower {
  plural: string
  selects: (object: Obj) => boolean
  push: (event: Event) => void
}

export class Watches {
  readonly #log: LoggedEvent[] = []
  readonly #newest = new Map<string, Obj>()
  readonly #followers = new Set<Follower>()
  readonly #heldBack: (() => void)[] = []
  #paused = false
  #compactedVersion = 0

  publish(plural: string, type: LoggedEvent['type'], object: Obj): void {
    const id = object.metadata.uid
    const event = {
      plural,
      type,
      object,
      before: this.#newest.get(id),
      version: Number(object.metadata.resourceVersion),
    }
    this.#log.push(event)
    this.#newest.set(id, object)
    for (const follower of this.#followers) {
      if (follower.plural !== plural) continue
      if (this.#paused) this.#heldBack.push(() => this.#followers.has(follower) && sendToFollower(event, follower))
      else sendToFollower(event, follower)
    }
  }

  setPaused(isPaused: boolean): void {
    this.#paused = isPaused
    if (!isPaused) for (const push of this.#heldBack.splice(0)) push()
  }

  /** A watch from a resourceVersion older than `version` then fails with 410 Expired, as after a compaction of etcd. */
  compact(version: number): void {
    this.#compactedVersion = version
    this.#log.splice(0)
  }

  follow(plural: string, options: WatchOptions, { objects, version }: State, push: (event: Event) => void): () => void {
    const { sendInitialEvents, resourceVersion } = options
    const selects = makeSelector(options)
    const follower = { plural, selects, push }
    const from = sendInitialEvents ? version : Number(resourceVersion ?? 0)
    if (from < this.#compactedVersion && !sendInitialEvents)
      throw newApiError(410, 'Expired', `too old resource version: ${from}`)
    if (sendInitialEvents) {
      for (const object of objects.filter(selects)) push({ type: 'ADDED', object })
      push({ type: 'BOOKMARK', object: makeBookmark(version) })
    }
    for (const event of this.#log) {
      if (event.plural !== plural || event.version <= from) continue
      if (this.#paused) this.#heldBack.push(() => this.#followers.has(follower) && sendToFollower(event, follower))
      else sendToFollower(event, follower)
    }
    this.#followers.add(follower)
    return () => void this.#followers.delete(follower)
  }

  async *watch<T extends KubeObject>(
    follow: (push: (event: Event) => void) => () => void,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<WatchEvent<T>> {
    const pending: Event[] = []
    let wake = (): void => undefined
    signal?.throwIfAborted()
    const stop = follow((event) => {
      pending.push(event)
      wake()
    })
    const abort = (): void => wake()
    signal?.addEventListener('abort', abort)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const next = pending.shift()
        if (next) yield { type: next.type, object: structuredClone(next.object) as T }
        else {
          const { promise, resolve } = Promise.withResolvers<void>()
          wake = resolve
          await promise
        }
      }
    } finally {
      stop()
      signal?.removeEventListener('abort', abort)
    }
  }
}

function sendToFollower(event: LoggedEvent, { selects, push }: Follower): void {
  const type = eventTypeFor(event, selects)
  if (type) push({ type, object: event.object })
}

/**
 * With a selector, an object that begins to match is ADDED, and one that stops matching is DELETED. undefined: the
 * watch does not get the event.
 */
function eventTypeFor(
  { type, object, before }: LoggedEvent,
  selects: (o: Obj) => boolean,
): LoggedEvent['type'] | undefined {
  const [wasSelected, isSelected] = [before !== undefined && selects(before), selects(object)]
  if (type === 'DELETED') return wasSelected || isSelected ? 'DELETED' : undefined
  if (isSelected) return wasSelected ? 'MODIFIED' : 'ADDED'
  return wasSelected ? 'DELETED' : undefined
}

export const makeSelector =
  ({ namespace, fieldSelector, labelSelector }: Scope) =>
  (object: Obj): boolean =>
    (!namespace || object.metadata.namespace === namespace) &&
    matches(fieldSelector, fieldLookup(object)) &&
    matches(labelSelector, labelLookup(object))

/** A selector has the form `status.host=h1,spec.x=y`. */
function matches(selector: string | undefined, valueOf: (name: string) => unknown): boolean {
  if (!selector) return true
  return selector.split(',').every((term) => {
    const [name = '', wanted] = term.split('=')
    return (valueOf(name) ?? '') === wanted
  })
}

const fieldLookup =
  (object: Obj) =>
  (path: string): unknown =>
    path.split('.').reduce<unknown>((o, name) => (o as Record<string, unknown> | undefined)?.[name], object)

const labelLookup =
  ({ metadata }: Obj) =>
  (name: string): unknown =>
    (metadata['labels'] as Record<string, unknown> | undefined)?.[name]

export const makeBookmark = (version: number): Obj => ({
  apiVersion: '',
  kind: '',
  metadata: {
    name: '',
    uid: '',
    resourceVersion: String(version),
    generation: 0,
    annotations: { 'k8s.io/initial-events-end': 'true' },
  },
})
