/** Chooses the bases that the image cache removes: unused ones, the longest unused first. Pure. */

export interface CachedBase {
  key: string
  /** Bytes that it takes on disk. */
  bytes: number
  /** When a server last asked for it, milliseconds. */
  lastUsed: number
  /** Whether a disk of this host may be backed by it. */
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

/** Returns the keys to remove, in this order. @param free bytes free now */
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
