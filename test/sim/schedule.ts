/**
 * The messages that are under way between processes: requests, answers, events. Each waits in a queue until the
 * simulator delivers it; the order of deliveries is the schedule. A queue with a low weight is passed over often, so
 * its cache gets stale or its request arrives late, but no message waits longer than {@link LONGEST_DELAY_MS} of
 * simulated time.
 */
import type { Random } from './random.ts'
import type { Time } from './time.ts'

/** Shorter than any lease: the messages of a dead leader arrive before the next leader starts. */
export const LONGEST_DELAY_MS = 8_000

interface Message {
  label: string
  /** Simulated milliseconds. */
  since: number
  deliver: () => void
}

export interface MessageQueueOptions {
  name: string
  /** Messages are delivered in order; otherwise in random order. */
  isOrdered: boolean
  /** How often the queue has its turn, compared with the others. */
  weight: number
}

export class MessageQueue {
  readonly name: string
  readonly isOrdered: boolean
  readonly messages: Message[] = []
  weight: number
  /** Nothing is delivered, because the receiving process is frozen. */
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
  /** Delivers all messages in order and without delay; set once the faults have ended. */
  isInOrder = false

  constructor(time: Time, random: Random) {
    this.#time = time
    this.#random = random
  }

  add(queue: MessageQueue): MessageQueue {
    this.#queues.add(queue)
    return queue
  }

  /** Drops the queue's messages. */
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

  /** When the oldest message must be delivered; undefined if no message waits. */
  nextDeadline(): number | undefined {
    const oldest = this.#queueOfOldest()
    return oldest && (oldest.messages[0]?.since ?? 0) + LONGEST_DELAY_MS
  }

  /** Delivers one message. Answers its label, or undefined if no message waits. */
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
