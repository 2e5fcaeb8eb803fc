// A session keeps a client connected to a daemon. When a connection ends, the session opens the next one, which has the
// next generation number, and repeats all subscriptions on it. Then it calls the handlers that were added by
// `onResync`, because events may have been missed between the two connections.
import { setTimeout as delay } from 'node:timers/promises'
import { type Connection, openConnection, type Subscription } from './connection.ts'
import type { CallOptions, ConnectOptions, PlainProcedure, StreamProcedure } from './connection-options.ts'
import { ConnectionError } from './errors.ts'
import { Delivery, type EventHandler, type SubscribeOptions } from './events.ts'
import type { EventOf, EventType } from './protocol/events.ts'
import type { LibvirtStream } from './streams.ts'
import type { AnyType, Input, Output } from './wire/types.ts'

export interface SessionOptions extends Omit<ConnectOptions, 'signal'> {
  /**
   * Milliseconds to wait before the next attempt to connect. The wait doubles from `minMs` (default 100) to `maxMs`
   * (default 10000). It is randomly shortened by up to a half.
   */
  backoff?: { minMs: number; maxMs: number }
}

/** Tells a resync handler that events may have been missed, so that it must read the current state again. */
export interface Resync {
  /** The connection's number in its session, counted from 1. */
  generation: number
  reason: 'connected' | 'overflow'
  /** The error that ended the previous connection; undefined for the first connection. */
  previous: ConnectionError | undefined
}

interface SessionSubscription {
  event: EventType
  domain: SubscribeOptions['domain']
  push: (event: unknown) => void
  report: (error: unknown) => void
  /** The subscription on the current connection. */
  bound?: Subscription | undefined
}

/**
 * Opens a session, which connects and reconnects until `close` is called. Does not wait for the connection; `connected`
 * does.
 */
export function openSession(options: SessionOptions = {}): Session {
  return new Session(options)
}

/**
 * Makes calls, subscriptions and streams on the current connection. After a reconnect it never sends a call a second
 * time, because the daemon may already have run the call.
 */
export class Session implements AsyncDisposable {
  readonly #options: SessionOptions
  readonly #stop = new AbortController()
  readonly #subscriptions = new Set<SessionSubscription>()
  readonly #resyncs = new Set<Delivery<Resync>>()
  readonly #running: Promise<void>
  #current: Connection | undefined
  #generation = 0
  #previous: ConnectionError | undefined
  #lastError: unknown
  #up = Promise.withResolvers<Connection>()

  constructor(options: SessionOptions) {
    this.#options = options
    this.#up.promise.catch(() => {}) // `close` rejects it; without a handler that would be an unhandled rejection
    this.#running = this.#reconnectUntilClosed()
  }

  /** The latest connection's number, counted from 1; 0 before the first connection. */
  get generation(): number {
    return this.#generation
  }

  /** Why there is no connection: the error of the last attempt, or the end of the last connection. */
  get failure(): unknown {
    return this.connection ? undefined : (this.#lastError ?? this.#previous)
  }

  get connection(): Connection | undefined {
    return this.#current?.alive ? this.#current : undefined
  }

  /**
   * Waits for a connection. If the signal aborts, throws its reason.
   * @throws ConnectionError with the code `unreachable` after `timeoutMs` (default 30000); its cause is the error of
   * the last attempt
   * @throws ConnectionError with the code `closed` if the session is closed
   */
  async connected({ timeoutMs = 30_000, signal }: CallOptions = {}): Promise<Connection> {
    signal?.throwIfAborted()
    const giveUp = Promise.withResolvers<never>()
    const timer = Number.isFinite(timeoutMs)
      ? setTimeout(() => giveUp.reject(this.#noConnectionError(timeoutMs)), timeoutMs)
      : undefined
    const onAbort = () => giveUp.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        const connection = this.connection ?? (await Promise.race([this.#up.promise, giveUp.promise]))
        if (connection.alive) return connection
        // The promise `#up` still resolves to the connection that has ended. Wait until `#runConnection` has replaced
        // the promise, then try again.
        await connection.closed
      }
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Waits for a connection, then does what `Connection.call` does. The deadline includes the wait. */
  call<A extends AnyType, R extends AnyType>(
    procedure: PlainProcedure<A, R>,
    args: Input<A>,
    options: CallOptions = {},
  ): Promise<Output<R>> {
    const { connection } = this
    return connection ? connection.call(procedure, args, options) : this.#callWhenConnected(procedure, args, options)
  }

  /**
   * Waits for a connection, then does what `Connection.openStream` does. If the connection ends, so does the stream.
   */
  async openStream<A extends AnyType>(
    procedure: StreamProcedure<A>,
    args: Input<A>,
    options: CallOptions = {},
  ): Promise<LibvirtStream> {
    const connection = await this.connected(options)
    return connection.openStream(procedure, args, options)
  }

  /**
   * Subscribes on the current connection and on all later ones. Throws if the current connection rejects the
   * subscription; calls `onError` if a later one does. Without `onOverflow`, dropped events cause a call of the
   * `onResync` handlers.
   */
  async on<E extends EventType>(
    event: E,
    handler: EventHandler<E>,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    const onOverflow = options.onOverflow ?? (() => this.#notifyResync('overflow'))
    const delivery = new Delivery<EventOf<E>>(handler, { ...options, onOverflow })
    const subscription: SessionSubscription = {
      event,
      domain: options.domain,
      push: (item) => delivery.push(item as EventOf<E>),
      report: (error) => delivery.report(error),
    }
    this.#subscriptions.add(subscription)
    const close = async () => {
      this.#subscriptions.delete(subscription)
      delivery.close()
      await subscription.bound?.close().catch(ignoreLostConnection)
    }
    const connection = this.connection
    try {
      if (connection) subscription.bound = await subscribeOn(connection, subscription, Promise.resolve())
    } catch (error) {
      if (!(error instanceof ConnectionError)) {
        await close()
        throw error
      }
      // The connection ended during the registration. The next connection repeats this subscription with all others.
    }
    return { close, [Symbol.asyncDispose]: close }
  }

  /**
   * Calls `handler` whenever events may have been missed: at once if there is a connection, after each connect before
   * its first event, and after events were dropped. Returns a function that removes `handler`.
   */
  onResync(handler: (resync: Resync) => void | Promise<void>, onError?: (error: unknown) => void): () => void {
    const delivery = new Delivery<Resync>(handler, onError ? { onError } : {})
    this.#resyncs.add(delivery)
    if (this.connection) delivery.push(this.#resyncFor('connected'))
    return () => {
      this.#resyncs.delete(delivery)
      delivery.close()
    }
  }

  /** Closes the connection and stops reconnecting. A second call has no effect. */
  async close(): Promise<void> {
    this.#stop.abort(new ConnectionError('closed', 'the session was closed'))
    for (const delivery of this.#resyncs) delivery.close()
    await this.#current?.close()
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #callWhenConnected<A extends AnyType, R extends AnyType>(
    procedure: PlainProcedure<A, R>,
    args: Input<A>,
    options: CallOptions,
  ): Promise<Output<R>> {
    const started = performance.now()
    const connection = await this.connected(options)
    return connection.call(procedure, args, withRemainingTime(options, performance.now() - started))
  }

  async #reconnectUntilClosed(): Promise<void> {
    const { minMs, maxMs } = this.#options.backoff ?? { minMs: 100, maxMs: 10_000 }
    let waitMs = minMs
    while (!this.#stop.signal.aborted) {
      const started = performance.now()
      await this.#runConnection()
      // Reset the backoff only after a connection that lasted longer than `maxMs`. So the wait also grows while a
      // daemon accepts connections and soon loses them.
      waitMs = performance.now() - started > maxMs ? minMs : Math.min(waitMs * 2, maxMs)
      await delay(waitMs * (0.5 + Math.random() / 2), undefined, { signal: this.#stop.signal, ref: false }).catch(
        () => {},
      )
    }
    this.#up.reject(this.#stop.signal.reason)
  }

  /** Never throws: keeps the error in `#lastError`. */
  async #runConnection(): Promise<void> {
    let connection: Connection | undefined
    try {
      connection = await openConnection({ ...this.#options, signal: this.#stop.signal }, this.#generation + 1)
      const ready = Promise.withResolvers<void>()
      for (const subscription of this.#subscriptions) await this.#rebind(connection, subscription, ready.promise)
      this.#generation = connection.generation
      this.#current = connection
      this.#up.resolve(connection)
      this.#notifyResync('connected')
      ready.resolve()
      this.#previous = await connection.closed
      this.#up = Promise.withResolvers()
      this.#up.promise.catch(() => {}) // Prevents an unhandled rejection, as in the constructor.
    } catch (error) {
      this.#lastError = error
      await connection?.close()
    } finally {
      this.#current = undefined
    }
  }

  async #rebind(connection: Connection, subscription: SessionSubscription, ready: Promise<void>): Promise<void> {
    try {
      subscription.bound = await subscribeOn(connection, subscription, ready)
    } catch (error) {
      if (error instanceof ConnectionError) throw error
      // Only this registration failed, for example because an old daemon does not know the event. Keep the other
      // subscriptions.
      subscription.report(error)
    }
  }

  #noConnectionError(timeoutMs: number): ConnectionError {
    return new ConnectionError('unreachable', `no connection within ${timeoutMs} ms`, { cause: this.failure })
  }

  #resyncFor(reason: Resync['reason']): Resync {
    return { generation: this.#generation, reason, previous: this.#previous }
  }

  #notifyResync(reason: Resync['reason']): void {
    for (const delivery of this.#resyncs) delivery.push(this.#resyncFor(reason))
  }
}

/**
 * Holds the events back until `ready` resolves. After a reconnect, `ready` resolves when the `onResync` handlers have
 * been called.
 */
async function subscribeOn(
  connection: Connection,
  subscription: SessionSubscription,
  ready: Promise<void>,
): Promise<Subscription> {
  let isOpen = false
  const opened = ready.then(() => void (isOpen = true))
  const handler = (event: unknown) => (isOpen ? subscription.push(event) : opened.then(() => subscription.push(event)))
  return connection.on(subscription.event, handler, { domain: subscription.domain })
}

function withRemainingTime(options: CallOptions, spentMs: number): CallOptions {
  return options.timeoutMs === undefined ? options : { ...options, timeoutMs: Math.max(1, options.timeoutMs - spentMs) }
}

function ignoreLostConnection(error: unknown): void {
  if (!(error instanceof ConnectionError)) throw error
}
