/**
 * Chooses the bases (images in the cache, from which disks are made) to remove: unused ones, the longest unused first.
 * Pure.
 */

export interface CachedBase {
  key: string
  /** Bytes that the base takes on disk. */
  bytes: number
  /** The time when a server last asked for the base, in milliseconds since 1970. */
  lastUsed: number
  /** Whether a disk of this host may be backed by the base. */
  pinned: boolean
}

export interface CacheLimits {
  /** Bytes that all bases together may take. */
  maxBytes: number
  /** Bytes of the file system that have to stay free. */
  minFree: number
  /** Milliseconds for which an unused base is kept. */
  maxAge: number
}

/**
 * Returns the keys of the bases to remove, in the order in which to remove them.
 * @param free bytes that are free now
 */
export function selectBasesToEvict(
  bases: readonly CachedBase[],
  { maxBytes, minFree, maxAge }: CacheLimits,
  free: number,
  now: number,
): string[] {
  let usedAfter = bases.reduce((sum, base) => sum + base.bytes, 0)
  let freeAfter = free
  const unused = bases
    .filter((base) => !base.pinned)
    .sort((a, b) => a.lastUsed - b.lastUsed || (a.key < b.key ? -1 : 1))
  const evicted: string[] = []
  for (const { key, bytes, lastUsed } of unused) {
    if (usedAfter <= maxBytes && freeAfter >= minFree && now - lastUsed <= maxAge) break
    evicted.push(key)
    usedAfter -= bytes
    freeAfter += bytes
  }
  return evicted
}
