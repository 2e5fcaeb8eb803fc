// A write reaches the informer's cache a little later, through the watch. Until then, the API server's answer to the
// write is newer than the cache.
import { type KubeObject, keyOf } from './types.ts'

/**
 * Compares resourceVersions as numbers, which the documentation of Kubernetes allows since version 1.35. False if one
 * of them is not a number.
 */
export function isNewerVersion(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || !/^\d+$/.test(a) || !/^\d+$/.test(b)) return false
  return BigInt(a) > BigInt(b)
}

export class LatestObjects<T extends KubeObject> {
  readonly #written = new Map<string, T>()

  /** @param object the API server's answer to a write of this process */
  recordWrite(object: T): void {
    const key = keyOf(object.metadata)
    const recorded = this.#written.get(key)
    if (!isNewerVersion(recorded?.metadata.resourceVersion, object.metadata.resourceVersion))
      this.#written.set(key, object)
  }

  /** Undefined if `cached` is undefined: the object was deleted. */
  latest(cached: T | undefined, key: string): T | undefined {
    const written = this.#written.get(key)
    if (!written || !cached) {
      this.#written.delete(key)
      return cached
    }
    const isSameObject = written.metadata.uid === cached.metadata.uid
    if (isSameObject && isNewerVersion(written.metadata.resourceVersion, cached.metadata.resourceVersion))
      return written
    this.#written.delete(key)
    return cached
  }
}
