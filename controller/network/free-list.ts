/**
 * Which address of a pool comes next: the lowest that is free, but one that was freed only rests for a while first.
 *
 * Lowest first, for IPv6 as for IPv4: it can be foreseen, keeps to the pools, and gives short IPv6 addresses (guests are told theirs by
 * DHCP or config drive, so nothing asks for EUI-64). Resting: neighbours, name servers and firewalls remember who had an
 * address; what they remember should be no other server's as long as there is another address to give.
 *
 *   cursor   all below it were given once; it only goes up, over those in use: amortised O(1)
 *   heap     free ones below the cursor                          resting   freed ones, by the time they were freed
 */
import { inRange, type Range } from './ip.ts'
import { MinHeap } from './min-heap.ts'

export class FreeList {
  readonly #ranges: readonly Range[]
  readonly #restMs: number
  readonly #heap = new MinHeap()
  readonly #resting = new Map<bigint, number>()
  #range = 0
  #cursor: bigint

  constructor(ranges: readonly Range[], restMs: number) {
    this.#ranges = ranges
    this.#restMs = restMs
    this.#cursor = ranges[0]?.first ?? 0n
  }

  /** The next free address; undefined: none is left. `isUsed` says true of it before the next call. */
  next(isUsed: (value: bigint) => boolean, now: number): bigint | undefined {
    this.#settle(now)
    const free = (value: bigint) => !this.#resting.has(value) && !isUsed(value)
    for (let v = this.#heap.pop(); v !== undefined; v = this.#heap.pop()) if (free(v)) return v
    for (let v = this.#advance(); v !== undefined; v = this.#advance()) if (free(v)) return v
    for (const v of this.#resting.keys()) {
      this.#resting.delete(v)
      if (!isUsed(v)) return v
    }
    return undefined
  }

  /** Nothing holds `value` any more. `rest` false: it was never in use. */
  freed(value: bigint, now: number, rest = true): void {
    if (!this.#ranges.some((r) => inRange(r, value))) return
    this.#resting.delete(value)
    if (rest) this.#resting.set(value, now)
    else this.#offer(value)
  }

  #settle(now: number): void {
    for (const [value, since] of this.#resting) {
      if (since + this.#restMs > now) return
      this.#resting.delete(value)
      this.#offer(value)
    }
  }

  /** One that the cursor has yet to reach needs no place in the heap. */
  #offer(value: bigint): void {
    if (this.#range >= this.#ranges.length || value < this.#cursor) this.#heap.push(value)
  }

  #advance(): bigint | undefined {
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
