/**
 * Chooses the next address of a pool: the lowest free one. It is predictable and, for IPv6, short. EUI-64 addresses are
 * not needed, because guests learn their addresses from DHCP or the config drive.
 *
 * A freed address stays in quarantine for a while, and is given out in this time only if no other address is free.
 * Neighbours, name servers and firewalls remember which server had an address, and must not take a new server for the
 * old one.
 *
 * - cursor: every address below it has been given out or was in use. It only goes up, so moving it is amortised O(1).
 * - heap: the free addresses below the cursor.
 * - quarantine: the freed addresses, in the order in which they were freed.
 */
import { isInRange, type Range } from './ip.ts'
import { MinHeap } from './min-heap.ts'

export class FreeList {
  readonly #ranges: readonly Range[]
  readonly #quarantineMs: number
  readonly #heap = new MinHeap()
  readonly #quarantine = new Map<bigint, number>()
  /** Index of the range that contains the cursor. */
  #range = 0
  #cursor: bigint

  constructor(ranges: readonly Range[], quarantineMs: number) {
    this.#ranges = ranges
    this.#quarantineMs = quarantineMs
    this.#cursor = ranges[0]?.first ?? 0n
  }

  /**
   * Takes the next free address out of the list and returns it; undefined if none is free. The list does not offer the
   * address again until it is returned with `free`.
   * @param isUsed whether an address is in use
   */
  next(isUsed: (value: bigint) => boolean, now: number): bigint | undefined {
    this.#endQuarantines(now)
    const isFree = (value: bigint) => !this.#quarantine.has(value) && !isUsed(value)
    for (let v = this.#heap.pop(); v !== undefined; v = this.#heap.pop()) if (isFree(v)) return v
    for (let v = this.#takeAtCursor(); v !== undefined; v = this.#takeAtCursor()) if (isFree(v)) return v
    for (const v of this.#quarantine.keys()) {
      this.#quarantine.delete(v)
      if (!isUsed(v)) return v
    }
    return undefined
  }

  /**
   * To be called when an address is no longer in use.
   * @param quarantine false if no server ever used the address: it is free at once
   */
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

  /**
   * Makes the address available. If it was given out before, it goes on the heap of free addresses. Otherwise it lies
   * at or above the cursor, and `next` gives it out when the cursor gets there.
   */
  #offer(value: bigint): void {
    if (this.#range >= this.#ranges.length || value < this.#cursor) this.#heap.push(value)
  }

  #takeAtCursor(): bigint | undefined {
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
