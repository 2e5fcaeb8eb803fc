/**
 * Chooses the next address of a pool: the lowest free one, except that a freed address stays in quarantine for a while
 * first.
 *
 * Lowest first, for IPv6 as for IPv4: this is predictable, keeps to the pools, and gives short IPv6 addresses (guests
 * learn their addresses from DHCP or the config drive, so nothing needs EUI-64). Quarantine: neighbours, name servers
 * and firewalls remember which server had an address; as long as another address is free, what they remember must not
 * apply to a new server.
 *
 *   cursor   every address below it was given once; it only goes up and skips addresses in use: amortised O(1)
 *   heap     free addresses below the cursor                  quarantine   freed addresses, by the time they were freed
 */
import { isInRange, type Range } from './ip.ts'
import { MinHeap } from './min-heap.ts'

export class FreeList {
  readonly #ranges: readonly Range[]
  readonly #quarantineMs: number
  readonly #heap = new MinHeap()
  readonly #quarantine = new Map<bigint, number>()
  /** Index of the range that the cursor is in. */
  #range = 0
  #cursor: bigint

  constructor(ranges: readonly Range[], quarantineMs: number) {
    this.#ranges = ranges
    this.#quarantineMs = quarantineMs
    this.#cursor = ranges[0]?.first ?? 0n
  }

  /**
   * The next free address, or undefined if none is left.
   * @param isUsed must be true for the returned address by the next call, or that call returns it again
   */
  next(isUsed: (value: bigint) => boolean, now: number): bigint | undefined {
    this.#endQuarantines(now)
    const isFree = (value: bigint) => !this.#quarantine.has(value) && !isUsed(value)
    for (let v = this.#heap.pop(); v !== undefined; v = this.#heap.pop()) if (isFree(v)) return v
    for (let v = this.#advanceCursor(); v !== undefined; v = this.#advanceCursor()) if (isFree(v)) return v
    for (const v of this.#quarantine.keys()) {
      this.#quarantine.delete(v)
      if (!isUsed(v)) return v
    }
    return undefined
  }

  /** To be called when nothing uses `value` any more. `quarantine` is false if no server ever used it. */
  free(value: bigint, now: number, quarantine = true): void {
    if (!this.#ranges.some((r) => isInRange(r, value))) return
    this.#quarantine.delete(value)
    if (quarantine) this.#quarantine.set(value, now)
    else this.#offer(value)
  }

  #endQuarantines(now: number): void {
    for (const [value, since] of this.#quarantine) {
      if (since + this.#quarantineMs > now) return
      this.#quarantine.delete(value)
      this.#offer(value)
    }
  }

  /** Pushes the address onto the heap, unless the cursor has yet to reach it. */
  #offer(value: bigint): void {
    if (this.#range >= this.#ranges.length || value < this.#cursor) this.#heap.push(value)
  }

  #advanceCursor(): bigint | undefined {
    const range = this.#ranges[this.#range]
    if (range === undefined) return undefined
    const value = this.#cursor
    if (value < range.last) this.#cursor = value + 1n
    else {
      this.#range++
      this.#cursor = this.#ranges[this.#range]?.first ?? 0n
    }
    return value
  }
}
