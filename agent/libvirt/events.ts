// Subscriptions of one connection. The reader only puts events into queues; handlers run from there, so that a handler may
// wait for calls of its own connection, and a slow handler holds up nobody but itself.
import type { EventOf, EventType } from './protocol/events.ts'
import { eventsByNumber } from './protocol/events.ts'
import { Queue } from './queue.ts'
import { decode } from './wire/codec.ts'
import type { XdrReader } from './wire/reader.ts'

export type EventHandler<E extends EventType> = (event: EventOf<E>) => void | Promise<void>

export interface SubscribeOptions {
  /** Only events of this domain. Default: of all domains. */
  domain?: { name: string; uuid: string; id: number } | undefined
  /** Events that may wait for a slow handler; above it the waiting ones are dropped and `onOverflow` is told. Default 10000. */
  limit?: number
  /** So many events were dropped: look at everything anew. */
  onOverflow?: (dropped: number) => void
  /** A handler threw. Without it the error is thrown where nobody catches it, as an EventEmitter does. */
  onError?: (error: unknown) => void
}

/** Events in their order, one handler call at a time. */
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

  /** No handler call begins any more. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
  }

  async #run(): Promise<void> {
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
      try {
        const handled = this.#handler(item)
        // Most handlers only note the event: waiting for nothing would be most of the work.
        if (handled) await handled
      } catch (error) {
        this.report(error)
      }
    }
    this.#running = false
  }

  /** Tells the error to `onError`, or to nobody, as an uncaught exception. */
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

/** Who gets which event: by the callback number that the daemon gave. */
export class EventHub {
  readonly #registered = new Map<number, Registration>()
  /** Events that overtook the reply to their registration. */
  #early: { callbackId: number; number: number; event: unknown }[] = []
  #registering = 0

  /** Registers with `request` and delivers from then on, events that came before the reply included. */
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

  /** Takes an event message. Throws ProtocolError if it cannot be read. */
  receive(number: number, payload: XdrReader): void {
    const type = eventsByNumber.get(number)
    // Nobody can have registered for an event that is not in the table.
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
