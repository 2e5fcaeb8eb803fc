// The event subscriptions of one connection. Each has its own queue, from which its handler gets one event at a time.
// So a handler may wait for calls on the same connection, and a slow handler delays only its own events.
import type { EventOf, EventType } from './protocol/events.ts'
import { eventsByNumber } from './protocol/events.ts'
import { Queue } from './queue.ts'
import { decode } from './wire/codec.ts'
import type { XdrReader } from './wire/reader.ts'

export type EventHandler<E extends EventType> = (event: EventOf<E>) => void | Promise<void>

export interface SubscribeOptions {
  /** Default: events of all domains. */
  domain?: { name: string; uuid: string; id: number } | undefined
  /**
   * The most events that may wait for a slow handler; default 10000. One more makes the client drop all waiting events.
   */
  limit?: number
  /** The subscriber must then read the current state again. */
  onOverflow?: (dropped: number) => void
  /** Without `onError` the error becomes an uncaught exception, as in an EventEmitter. */
  onError?: (error: unknown) => void
}

export class Delivery<T> {
  readonly #handler: (item: T) => void | Promise<void>
  readonly #options: Omit<SubscribeOptions, 'domain'>
  readonly #waiting = new Queue<T>()
  #running = false
  #closed = false

  constructor(handler: (item: T) => void | Promise<void>, options: Omit<SubscribeOptions, 'domain'> = {}) {
    this.#handler = handler
    this.#options = options
  }

  push(item: T): void {
    if (this.#closed) return
    if (this.#waiting.length >= (this.#options.limit ?? 10_000)) {
      const dropped = this.#waiting.length
      this.#waiting.clear()
      this.#options.onOverflow?.(dropped)
    }
    this.#waiting.push(item)
    if (!this.#running) {
      this.#running = true
      queueMicrotask(() => void this.#run())
    }
  }

  /** A handler that runs may finish, but is not called again. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
  }

  async #run(): Promise<void> {
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
      try {
        const handled = this.#handler(item)
        // Most handlers are synchronous. Awaiting their undefined result would cost more than all other work in this
        // loop.
        if (handled) await handled
      } catch (error) {
        this.report(error)
      }
    }
    this.#running = false
  }

  report(error: unknown): void {
    const { onError } = this.#options
    if (onError) onError(error)
    else
      queueMicrotask(() => {
        throw error
      })
  }
}

interface Registration {
  event: EventType
  deliver: (event: unknown) => void
}

/** The daemon gives each subscription a callback ID, and each event carries it. */
export class EventHub {
  readonly #registered = new Map<number, Registration>()
  /** Events that arrived during a registration, and whose callback ID is not known yet. */
  #early: { callbackId: number; number: number; event: unknown }[] = []
  #registering = 0

  /**
   * Returns the callback ID of the subscription that `request` makes. Events that arrive before the daemon's reply are
   * delivered, too.
   */
  async register(
    event: EventType,
    deliver: (event: unknown) => void,
    request: () => Promise<{ callbackId: number }>,
  ): Promise<number> {
    this.#registering += 1
    try {
      const { callbackId } = await request()
      this.#registered.set(callbackId, { event, deliver })
      for (const early of this.#early)
        if (early.callbackId === callbackId) this.#deliver(callbackId, early.number, early.event)
      this.#early = this.#early.filter((early) => early.callbackId !== callbackId)
      return callbackId
    } finally {
      this.#registering -= 1
      if (this.#registering === 0) this.#early = []
    }
  }

  forget(callbackId: number): void {
    this.#registered.delete(callbackId)
  }

  /** Throws ProtocolError if the message cannot be decoded. */
  receive(number: number, payload: XdrReader): void {
    const type = eventsByNumber.get(number)
    // Callers cannot subscribe to an event that is not in `domainEvents`.
    if (!type) return
    const { callbackId, ...event } = decode(type.message, payload) as { callbackId: number }
    if (this.#registered.has(callbackId)) this.#deliver(callbackId, number, event)
    else if (this.#registering > 0) this.#early.push({ callbackId, number, event })
  }

  #deliver(callbackId: number, number: number, event: unknown): void {
    const registration = this.#registered.get(callbackId)
    if (registration?.event.number === number) registration.deliver(event)
  }
}
