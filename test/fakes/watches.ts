/** The watches of the fake API server: events in order from any version on that is kept, with field selectors, held back when told to. */

import type { WatchOptions } from '../../kube/list-watch.ts'
import type { Scope } from '../../kube/lister.ts'
import type { KubeObject, WatchEvent } from '../../kube/types.ts'
import { type Obj, refuse } from './store.ts'

interface Happened {
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
  readonly #log: Happened[] = []
  readonly #last = new Map<string, Obj>()
  readonly #followers = new Set<Follower>()
  /** What was held back while paused. */
  readonly #held: (() => void)[] = []
  #paused = false
  #oldest = 0

  tell(plural: string, type: Happened['type'], object: Obj): void {
    const id = object.metadata.uid
    const happened = {
      plural,
      type,
      object,
      before: this.#last.get(id),
      version: Number(object.metadata.resourceVersion),
    }
    this.#log.push(happened)
    this.#last.set(id, object)
    for (const follower of this.#followers) {
      if (follower.plural !== plural) continue
      if (this.#paused) this.#held.push(() => this.#followers.has(follower) && send(happened, follower))
      else send(happened, follower)
    }
  }

  pause(paused: boolean): void {
    this.#paused = paused
    if (!paused) for (const push of this.#held.splice(0)) push()
  }

  /** Who asks for what came after an older version than this is told that it is gone. */
  compact(version: number): void {
    this.#oldest = version
    this.#log.splice(0)
  }

  follow(plural: string, options: WatchOptions, { objects, version }: State, push: (event: Event) => void): () => void {
    const { sendInitialEvents, resourceVersion } = options
    const selects = selecting(options)
    const follower = { plural, selects, push }
    const from = sendInitialEvents ? version : Number(resourceVersion ?? 0)
    if (from < this.#oldest && !sendInitialEvents) throw refuse(410, 'Expired', `too old resource version: ${from}`)
    if (sendInitialEvents) {
      for (const object of objects.filter(selects)) push({ type: 'ADDED', object })
      push({ type: 'BOOKMARK', object: bookmark(version) })
    }
    for (const happened of this.#log) {
      if (happened.plural !== plural || happened.version <= from) continue
      if (this.#paused) this.#held.push(() => this.#followers.has(follower) && send(happened, follower))
      else send(happened, follower)
    }
    this.#followers.add(follower)
    return () => void this.#followers.delete(follower)
  }

  /** The events of {@link follow}, one after the other, until `signal` aborts. */
  async *watch<T extends KubeObject>(
    follow: (push: (event: Event) => void) => () => void,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<WatchEvent<T>> {
    const waiting: Event[] = []
    let wake = (): void => undefined
    signal?.throwIfAborted()
    const stop = follow((event) => {
      waiting.push(event)
      wake()
    })
    const abort = (): void => wake()
    signal?.addEventListener('abort', abort)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const next = waiting.shift()
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

function send(happened: Happened, { selects, push }: Follower): void {
  const type = typeFor(happened, selects)
  if (type) push({ type, object: happened.object })
}

/** As a watcher with this selector sees it: what comes to be selected is added, what is no longer selected is deleted. */
function typeFor({ type, object, before }: Happened, selects: (o: Obj) => boolean): Happened['type'] | undefined {
  const [was, is] = [before !== undefined && selects(before), selects(object)]
  if (type === 'DELETED') return was || is ? 'DELETED' : undefined
  if (is) return was ? 'MODIFIED' : 'ADDED'
  return was ? 'DELETED' : undefined
}

/** Which objects a list or a watch with these options is about. */
export const selecting =
  ({ namespace, fieldSelector, labelSelector }: Scope) =>
  (object: Obj): boolean =>
    (!namespace || object.metadata.namespace === namespace) &&
    matches(fieldSelector, field(object)) &&
    matches(labelSelector, label(object))

/** Selectors of the form `status.host=h1,spec.x=y`. */
function matches(selector: string | undefined, valueOf: (name: string) => unknown): boolean {
  if (!selector) return true
  return selector.split(',').every((term) => {
    const [name = '', wanted] = term.split('=')
    return (valueOf(name) ?? '') === wanted
  })
}

const field =
  (object: Obj) =>
  (path: string): unknown =>
    path.split('.').reduce<unknown>((o, name) => (o as Record<string, unknown> | undefined)?.[name], object)

const label =
  ({ metadata }: Obj) =>
  (name: string): unknown =>
    (metadata['labels'] as Record<string, unknown> | undefined)?.[name]

/** The end of the first list, or a sign of life. */
export const bookmark = (version: number): Obj => ({
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
