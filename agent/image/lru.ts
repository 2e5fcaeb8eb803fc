/** Which bases the cache lets go of: those that nothing uses, longest unused first. Pure. */

export interface Entry {
  key: string
  /** Bytes that it takes on disk. */
  bytes: number
  /** When a server last asked for it, milliseconds. */
  lastUsed: number
  /** A disk of this host may be backed by it. */
  pinned: boolean
}

export interface CleanLimits {
  /** Bytes that all bases together may take. */
  maxBytes: number
  /** Bytes of the file system that shall be free. */
  minFree: number
  /** Milliseconds that an unused base is kept. */
  maxAge: number
}

/** Keys to remove, in order. `free`: bytes free now. */
export function victims(entries: readonly Entry[], limits: CleanLimits, free: number, now: number): string[] {
  const { maxBytes, minFree, maxAge } = limits
  let used = entries.reduce((sum, e) => sum + e.bytes, 0)
  let left = free
  const unused = entries.filter((e) => !e.pinned).sort((a, b) => a.lastUsed - b.lastUsed || (a.key < b.key ? -1 : 1))
  const gone: string[] = []
  for (const { key, bytes, lastUsed } of unused) {
    if (used <= maxBytes && left >= minFree && now - lastUsed <= maxAge) break
    gone.push(key)
    used -= bytes
    left += bytes
  }
  return gone
}
