/**
 * Chooses which unused bases (cached images, from which disks are made) to remove. The base that has been unused for
 * the longest time is removed first. Pure.
 */

export interface CachedBase {
  key: string
  /** Bytes that the base takes on disk. */
  bytes: number
  /** When a server last asked for the base, in milliseconds since 1970. */
  lastUsed: number
  /** Whether a disk on this host may be backed by the base. */
  pinned: boolean
}

export interface CacheLimits {
  /** Bytes that all bases together may take. */
  maxBytes: number
  /** Bytes that must stay free on the file system. */
  minFree: number
  /** Milliseconds after which an unused base is removed. */
  maxAge: number
}

/**
 * Returns the keys of the bases to remove, in the order of removal.
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
