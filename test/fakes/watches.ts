/** The watches of the fake API server: events in order from any version on, with field selectors, held back when told to. */
import type { WatchOptions } from '../../kube/read.ts'
import type { KubeObject, WatchEvent } from '../../kube/types.ts'
import type { Obj } from './store.ts'

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

export class Watches {
  readonly #log: Happened[] = []
  readonly #last = new Map<string, Obj>()
  readonly #wake = new Set<() => void>()
  #paused = false

  tell(plural: string, type: Happened['type'], object: Obj): void {
    const id = object.metadata.uid
    this.#log.push({
      plural,
      type,
      object,
      before: this.#last.get(id),
      version: Number(object.metadata.resourceVersion),
    })
    this.#last.set(id, object)
    this.#stir()
  }

  pause(paused: boolean): void {
    this.#paused = paused
    this.#stir()
  }

  async *watch<T extends KubeObject>(
    plural: string,
    options: WatchOptions,
    state: () => State,
  ): AsyncGenerator<WatchEvent<T>> {
    const { signal, sendInitialEvents, resourceVersion, fieldSelector, namespace } = options
    const selects = (object: Obj): boolean =>
      (!namespace || object.metadata.namespace === namespace) && matches(object, fieldSelector)
    const event = (type: WatchEvent<T>['type'], object: Obj): WatchEvent<T> => ({
      type,
      object: structuredClone(object) as unknown as T,
    })
    let seen = Number(resourceVersion ?? 0)
    if (sendInitialEvents) {
      const { objects, version } = state()
      seen = version
      for (const object of objects.filter(selects)) yield event('ADDED', object)
      yield event('BOOKMARK', bookmark(version))
    }
    for (;;) {
      signal?.throwIfAborted()
      const next = this.#paused ? undefined : this.#log.find((e) => e.plural === plural && e.version > seen)
      if (!next) {
        await this.#changed(signal)
        continue
      }
      seen = next.version
      const type = typeFor(next, selects)
      if (type) yield event(type, next.object)
    }
  }

  #stir(): void {
    for (const wake of this.#wake) wake()
  }

  #changed(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake.add(resolve)
    signal?.addEventListener('abort', () => resolve(), { once: true })
    return promise.finally(() => this.#wake.delete(resolve))
  }
}

/** As a watcher with this selector sees it: what comes to be selected is added, what is no longer selected is deleted. */
function typeFor({ type, object, before }: Happened, selects: (o: Obj) => boolean): Happened['type'] | undefined {
  const [was, is] = [before !== undefined && selects(before), selects(object)]
  if (type === 'DELETED') return was || is ? 'DELETED' : undefined
  if (is) return was ? 'MODIFIED' : 'ADDED'
  return was ? 'DELETED' : undefined
}

/** Selectors of the form `status.host=h1,spec.x=y`. */
function matches(object: Obj, selector: string | undefined): boolean {
  return (selector ?? '').split(',').every((term) => {
    const [path = '', wanted] = term.split('=')
    if (path === '') return true
    const value = path
      .split('.')
      .reduce<unknown>((o, name) => (o as Record<string, unknown> | undefined)?.[name], object)
    return (value ?? '') === wanted
  })
}

const bookmark = (version: number): Obj => ({
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
