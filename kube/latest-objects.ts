// One's own writes come back through the watch a little later; until then, what the write answered is newer than the cache.
import { type KubeObject, keyOf } from './types.ts'

/** Resource versions are comparable as numbers (Kubernetes says so since 1.35); of any other form none is newer. */
function isNewer(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || !/^\d+$/.test(a) || !/^\d+$/.test(b)) return false
  return BigInt(a) > BigInt(b)
}

/** Remembers what was written last of each object, until the cache has it. */
export class LatestObjects<T extends KubeObject> {
  readonly #written = new Map<string, T>()

  /** An answer of the API server to a write of ours. */
  recordWrite(object: T): void {
    const key = keyOf(object.metadata)
    const before = this.#written.get(key)
    if (!isNewer(before?.metadata.resourceVersion, object.metadata.resourceVersion)) this.#written.set(key, object)
  }

  /** The newer of what the cache has and what was written. A cache that has it no more is right: it was deleted. */
  latest(cached: T | undefined, key: string): T | undefined {
    const written = this.#written.get(key)
    if (!written || !cached) {
      this.#written.delete(key)
      return cached
    }
    const same = written.metadata.uid === cached.metadata.uid
    if (same && isNewer(written.metadata.resourceVersion, cached.metadata.resourceVersion)) return written
    this.#written.delete(key)
    return cached
  }
}
