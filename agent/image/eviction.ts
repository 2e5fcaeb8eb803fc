/**
 * Chooses which unused bases (cached images, from which disks are made) to remove: those unused for the longest time
 * first.
 */

export interface CachedBase {
  key: string
  /** Bytes that the base takes on disk. */
  bytes: number
  /** Milliseconds since 1970. */
  lastUsed: number
  pinned: boolean
}

export interface CacheLimits {
  /** Bytes that all bases together may take. */
  maxBytes: number
  minFree: number
  /** Milliseconds. */
  maxAge: number
}

/**
 * The keys are in the order of removal.
 * @param free free bytes of the file system
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
