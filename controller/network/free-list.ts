/**
 * Chooses the next address of a pool: the lowest free one. A freed address stays in quarantine, and is given out in
 * this time only if no other is free: neighbours, name servers and firewalls remember which server had it.
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
  #range = 0
  #cursor: bigint

  constructor(ranges: readonly Range[], quarantineMs: number) {
    this.#ranges = ranges
    this.#quarantineMs = quarantineMs
    this.#cursor = ranges[0]?.first ?? 0n
  }

  /**
   * Takes the next free address out of the list; undefined if none is free. The list does not offer the address again
   * until it is returned with `free`.
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

  /** @param quarantine false if no server ever used the address: it is free at once */
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

  /** An address at or above the cursor is not put on the heap: `next` gives it out when the cursor gets there. */
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
