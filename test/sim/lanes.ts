/**
 * What is on its way between processes: requests, answers, events. Each waits in a lane until the simulator lets it go; which goes next is the
 * schedule. A lane that is slow is passed over often, and so its cache gets old, or its request arrives late; but nothing waits longer than
 * {@link LONGEST_MS} of simulated time.
 */
import type { Random } from './random.ts'
import type { Time } from './time.ts'

/** Shorter than any lease: what a dead leader had sent arrives before the next one begins. */
export const LONGEST_MS = 8_000

interface Waiting {
  label: string
  /** Simulated ms. */
  since: number
  go: () => void
}

export interface LaneOptions {
  name: string
  /** In the order in which it came; else in any. */
  ordered: boolean
  /** How often it gets its turn, compared with others. */
  weight: number
}

export class Lane {
  readonly name: string
  readonly ordered: boolean
  readonly waiting: Waiting[] = []
  weight: number
  /** Nothing gets through: the process behind it is stopped. */
  isBlocked = false

  constructor({ name, ordered, weight }: LaneOptions) {
    this.name = name
    this.ordered = ordered
    this.weight = weight
  }
}

export class Lanes {
  readonly #lanes = new Set<Lane>()
  readonly #time: Time
  readonly #random: Random
  /** Everything in its order, and nothing waits: once the faults have ended. */
  calm = false

  constructor(time: Time, random: Random) {
    this.#time = time
    this.#random = random
  }

  add(lane: Lane): Lane {
    this.#lanes.add(lane)
    return lane
  }

  /** What waits in it goes nowhere any more. */
  remove(lane: Lane): void {
    lane.waiting.length = 0
    this.#lanes.delete(lane)
  }

  get all(): Iterable<Lane> {
    return this.#lanes
  }

  park(lane: Lane, label: string, go: () => void): void {
    lane.waiting.push({ label, since: this.#time.now, go })
  }

  /** When what has waited longest must go; undefined: nothing waits. */
  deadline(): number | undefined {
    const oldest = this.#oldest()
    return oldest && (oldest.waiting[0]?.since ?? 0) + LONGEST_MS
  }

  /** Lets the next one go. Answers what it was; undefined: nothing waits. */
  release(): string | undefined {
    const late = this.#oldest()
    const isLate = late && (late.waiting[0]?.since ?? 0) + LONGEST_MS <= this.#time.now
    const lane = this.calm || isLate ? late : this.#choose()
    if (!lane) return undefined
    const at = lane.ordered || this.calm || isLate ? 0 : this.#random.int(lane.waiting.length)
    const [next] = lane.waiting.splice(at, 1)
    if (!next) return undefined
    next.go()
    return next.label
  }

  #oldest(): Lane | undefined {
    let found: Lane | undefined
    let since = Infinity
    for (const lane of this.#lanes) {
      const first = lane.isBlocked ? undefined : lane.waiting[0]
      if (!first || first.since >= since) continue
      found = lane
      since = first.since
    }
    return found
  }

  #choose(): Lane | undefined {
    let total = 0
    for (const lane of this.#lanes) if (isOpen(lane)) total += lane.weight
    let left = this.#random.next() * total
    let last: Lane | undefined
    for (const lane of this.#lanes) {
      if (!isOpen(lane)) continue
      last = lane
      left -= lane.weight
      if (left < 0) return lane
    }
    return last
  }
}

const isOpen = ({ waiting, isBlocked }: Lane): boolean => waiting.length > 0 && !isBlocked
