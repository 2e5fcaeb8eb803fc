/**
 * Requests, answers and watch events wait in queues until the simulator delivers them, in random order. A queue with a
 * low weight is often passed over, so caches get stale and requests arrive late. No message waits longer than {@link
 * LONGEST_DELAY_MS} of simulated time.
 */
import type { Random } from './random.ts'
import type { Time } from './time.ts'

/**
 * Must be shorter than any lease. Otherwise, the last requests of a dead leader could arrive when the next controller
 * already leads.
 */
export const LONGEST_DELAY_MS = 8_000

interface Message {
  label: string
  /** Simulated time of sending, in ms. */
  since: number
  deliver: () => void
}

export interface MessageQueueOptions {
  name: string
  /** true: in the order of sending; false: in random order. */
  isOrdered: boolean
  /** How often the queue's messages are delivered, compared with other queues. */
  weight: number
}

export class MessageQueue {
  readonly name: string
  readonly isOrdered: boolean
  readonly messages: Message[] = []
  weight: number
  isBlocked = false

  constructor({ name, isOrdered, weight }: MessageQueueOptions) {
    this.name = name
    this.isOrdered = isOrdered
    this.weight = weight
  }
}

export class Schedule {
  readonly #queues = new Set<MessageQueue>()
  readonly #time: Time
  readonly #random: Random
  /** After the end of the faults, the oldest message is always delivered first. */
  isInOrder = false

  constructor(time: Time, random: Random) {
    this.#time = time
    this.#random = random
  }

  add(queue: MessageQueue): MessageQueue {
    this.#queues.add(queue)
    return queue
  }

  /** Removes the queue and drops its messages. */
  remove(queue: MessageQueue): void {
    queue.messages.length = 0
    this.#queues.delete(queue)
  }

  get queues(): Iterable<MessageQueue> {
    return this.#queues
  }

  enqueue(queue: MessageQueue, label: string, deliver: () => void): void {
    queue.messages.push({ label, since: this.#time.now, deliver })
  }

  /** The simulated time by which the oldest message must be delivered; undefined if there is no message. */
  nextDeadline(): number | undefined {
    const oldest = this.#queueOfOldest()
    return oldest && (oldest.messages[0]?.since ?? 0) + LONGEST_DELAY_MS
  }

  /** Returns the label of the delivered message; undefined if there is no message. */
  deliverNext(): string | undefined {
    const oldest = this.#queueOfOldest()
    const isLate = oldest && (oldest.messages[0]?.since ?? 0) + LONGEST_DELAY_MS <= this.#time.now
    const queue = this.isInOrder || isLate ? oldest : this.#chooseQueue()
    if (!queue) return undefined
    const at = queue.isOrdered || this.isInOrder || isLate ? 0 : this.#random.nextInt(queue.messages.length)
    const [next] = queue.messages.splice(at, 1)
    if (!next) return undefined
    next.deliver()
    return next.label
  }

  #queueOfOldest(): MessageQueue | undefined {
    let found: MessageQueue | undefined
    let since = Infinity
    for (const queue of this.#queues) {
      const first = queue.isBlocked ? undefined : queue.messages[0]
      if (!first || first.since >= since) continue
      found = queue
      since = first.since
    }
    return found
  }

  #chooseQueue(): MessageQueue | undefined {
    let total = 0
    for (const queue of this.#queues) if (canDeliver(queue)) total += queue.weight
    let left = this.#random.next() * total
    let last: MessageQueue | undefined
    for (const queue of this.#queues) {
      if (!canDeliver(queue)) continue
      last = queue
      left -= queue.weight
      if (left < 0) return queue
    }
    return last
  }
}

const canDeliver = ({ messages, isBlocked }: MessageQueue): boolean => messages.length > 0 && !isBlocked
