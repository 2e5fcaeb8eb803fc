/** After a kill, the promises for which the process's code waits never settle. */
import type { Random } from './random.ts'
import { MessageQueue, type Schedule } from './schedule.ts'
import { ProcessClock, type Time, type TimerOwner } from './time.ts'

export interface SimulationContext {
  time: Time
  schedule: Schedule
  random: Random
  /** How often a queue's messages are delivered, compared with other queues. */
  weightOf(queueName: string): number
}

export class Process implements TimerOwner {
  readonly name: string
  /** A restarted process has the same name but a new identity. */
  readonly identity: string
  readonly context: SimulationContext
  readonly clock: ProcessClock
  /** Requests to the API server that are under way. They arrive even if the process has died. */
  readonly outgoing: MessageQueue
  /**
   * Answers to the process, and its calls to the host that have not begun. A kill drops the queue, so these calls never
   * begin.
   */
  readonly answers: MessageQueue
  readonly stop = new AbortController()
  readonly #incoming = new Set<MessageQueue>()
  readonly #endHandlers = new Set<() => void>()
  #state: 'alive' | 'frozen' | 'dead' = 'alive'

  constructor(name: string, serial: number, context: SimulationContext) {
    this.name = name
    this.identity = `${name}-${serial}`
    this.context = context
    this.clock = new ProcessClock(context.time, this)
    this.outgoing = context.schedule.add(this.#createQueue('out', false))
    this.answers = this.openQueue('in', false)
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen'
  }

  openQueue(name: string, isOrdered: boolean): MessageQueue {
    const queue = this.context.schedule.add(this.#createQueue(name, isOrdered))
    queue.isBlocked = this.isFrozen
    this.#incoming.add(queue)
    return queue
  }

  closeQueue(queue: MessageQueue): void {
    this.#incoming.delete(queue)
    this.context.schedule.remove(queue)
  }

  /** Returns a function that removes the handler. */
  onEnd(handler: () => void): () => void {
    this.#endHandlers.add(handler)
    return () => void this.#endHandlers.delete(handler)
  }

  *messagesUnderWay(): Generator<{ label: string }> {
    yield* this.outgoing.messages
    for (const queue of this.#incoming) yield* queue.messages
  }

  /** Messages to the process are dropped, but requests that it has sent still arrive. */
  kill(): void {
    if (this.isDead) return
    this.#state = 'dead'
    for (const queue of this.#incoming) this.context.schedule.remove(queue)
    this.#incoming.clear()
    for (const handler of this.#endHandlers) handler()
    this.#endHandlers.clear()
  }

  /** Until thaw(), delivers no messages to the process and fires none of its timers, as if it got no CPU. */
  freeze(): void {
    if (this.#state === 'alive') this.#setState('frozen')
  }

  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#setState('alive')
    this.context.time.requeueDeferred()
  }

  #setState(state: 'alive' | 'frozen'): void {
    this.#state = state
    for (const queue of this.#incoming) queue.isBlocked = this.isFrozen
  }

  #createQueue(queueName: string, isOrdered: boolean): MessageQueue {
    const name = `${this.name} ${queueName}`
    return new MessageQueue({ name, isOrdered, weight: this.context.weightOf(name) })
  }
}
