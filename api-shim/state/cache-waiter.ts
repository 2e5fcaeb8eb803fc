/**
 * Waits until an informer's cache has what this process has written, so that clients read their own writes. The wait is
 * bounded.
 */
import type { Clock } from '../../kube/clock.ts'
import type { Informer } from '../../kube/informer.ts'
import { isNewerVersion } from '../../kube/latest-objects.ts'
import { type KubeObject, keyOf } from '../../kube/types.ts'

const MAX_WAIT_MS = 2_000

interface Waiting {
  isDone(): boolean
  resolve(): void
}

export class CacheWaiter<T extends KubeObject> {
  readonly #informer: Informer<T>
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<Waiting>>()

  constructor(informer: Informer<T>, clock: Clock) {
    this.#informer = informer
    this.#clock = clock
    const wake = (object: T): void => this.#wake(keyOf(object.metadata))
    informer.on({ added: wake, updated: (_old, now) => wake(now), deleted: wake })
  }

  /** Resolves when the cache has this version of the object or a newer one, or after two seconds. */
  async waitForWrite({ metadata: { uid, resourceVersion, ...ref } }: T): Promise<void> {
    const key = keyOf(ref)
    // If the object was in the cache before and is missing now, it has been deleted, so the wait ends.
    let hasBeenCached = false
    await this.#wait(key, () => {
      const cached = this.#informer.cache.get(key)?.metadata
      if (cached === undefined) return hasBeenCached
      hasBeenCached = true
      return cached.uid !== uid || !isNewerVersion(resourceVersion, cached.resourceVersion)
    })
  }

  /** Resolves with the cached object when it satisfies the condition, or with the last one after two seconds. */
  async waitFor(key: string, isSatisfied: (object: T | undefined) => boolean): Promise<T | undefined> {
    await this.#wait(key, () => isSatisfied(this.#informer.cache.get(key)))
    return this.#informer.cache.get(key)
  }

  /** Resolves when the cache no longer has the object, or has it as one that is being deleted. */
  async waitForDeletion(key: string, uid: string | undefined): Promise<void> {
    await this.#wait(key, () => {
      const metadata: KubeObject['metadata'] & { deletionTimestamp?: string } =
        this.#informer.cache.get(key)?.metadata ?? {}
      return metadata.uid === undefined || metadata.uid !== uid || metadata.deletionTimestamp !== undefined
    })
  }

  async #wait(key: string, isDone: () => boolean): Promise<void> {
    if (isDone()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiting = { isDone, resolve }
    const all = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, all.add(waiting))
    const cancel = this.#clock.timer(MAX_WAIT_MS, resolve)
    await promise
    cancel()
    all.delete(waiting)
    if (all.size === 0) this.#waiting.delete(key)
  }

  #wake(key: string): void {
    for (const { isDone, resolve } of this.#waiting.get(key) ?? []) if (isDone()) resolve()
  }
}
