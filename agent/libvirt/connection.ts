import type { Socket } from 'node:net'
import { type Address, formatAddress, parseUri } from './address.ts'
import { authenticateClient } from './auth.ts'
import { CallTable } from './calls.ts'
import type { CallOptions, ConnectOptions, PlainProcedure, StreamProcedure } from './connection-options.ts'
import { publish } from './diagnostics.ts'
import { dialDaemon, type Line } from './dial.ts'
import { ConnectionError, isLibvirtError, ProtocolError } from './errors.ts'
import { Delivery, type EventHandler, EventHub, type SubscribeOptions } from './events.ts'
import { defaultKeepAlive, KeepAlive } from './keepalive.ts'
import { Outbox } from './outbox.ts'
import { driverFeature } from './protocol/constants.ts'
import type { EventOf, EventType } from './protocol/events.ts'
import { proc } from './protocol/proc.ts'
import type { Procedure } from './protocol/procedure.ts'
import { LibvirtStream } from './streams.ts'
import { FrameSplitter } from './wire/frames.ts'
import { checkHeader, encodeHeader, type Header, messageType, program, readHeader } from './wire/header.ts'
import { XdrReader } from './wire/reader.ts'
import type { AnyType, Input, Output } from './wire/types.ts'

/** Ends with its connection or by `close`. */
export interface Subscription extends AsyncDisposable {
  /** A handler that runs may finish, but is not called again. */
  close(): Promise<void>
}

/**
 * Throws ConnectionError (`unreachable`, `auth`, `lost`, …), or LibvirtError if the daemon rejects the URI.
 * @param generation the connection's number in its Session; 0 for a connection without a Session
 */
export async function openConnection(options: ConnectOptions | string = {}, generation = 0): Promise<Connection> {
  return Connection.open(typeof options === 'string' ? { uri: options } : options, generation)
}

/** `openConnection` creates it, and `await using` closes it. */
export class Connection implements AsyncDisposable {
  /** Resolves when the connection has ended: to the reason, or to undefined if `close` was called. Never rejects. */
  readonly closed: Promise<ConnectionError | undefined>
  /** Counted from 1 in the connection's Session; 0 without a Session. */
  readonly generation: number
  readonly #options: ConnectOptions
  readonly #address: Address
  readonly #socket: Socket
  readonly #outbox: Outbox
  readonly #calls: CallTable
  readonly #events = new EventHub()
  readonly #keepAlive: KeepAlive
  readonly #frames = new FrameSplitter()
  readonly #reader = new XdrReader()
  readonly #onFrame = (bytes: Buffer, start: number, end: number) => this.#onMessage(bytes, start, end)
  readonly #streams = new Set<LibvirtStream>()
  readonly #resolveClosed: (error: ConnectionError | undefined) => void
  /** Set if this connection is for a stream. `serial` is 0 until the call that opens the stream is sent. */
  #ownStream: { stream: LibvirtStream; procedure: Procedure; serial: number } | undefined
  #failure: ConnectionError | undefined
  #opened = false

  private constructor({ socket, listen }: Line, address: Address, options: ConnectOptions, generation: number) {
    const { promise, resolve } = Promise.withResolvers<ConnectionError | undefined>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.generation = generation
    this.#options = options
    this.#address = address
    this.#socket = socket
    this.#outbox = new Outbox((bytes) => this.#write(bytes))
    this.#calls = new CallTable(options.slots ?? 4, this.#outbox)
    this.#keepAlive = new KeepAlive(
      options.keepAlive || defaultKeepAlive,
      (message) => this.#write(message),
      (ms) =>
        this.#fail(new ConnectionError('silent', `${formatAddress(address)}: the daemon sent nothing for ${ms} ms`)),
    )
    listen((bytes, length) => this.#onBytes(bytes, length))
    socket.on('error', (cause) =>
      this.#fail(new ConnectionError('lost', `${formatAddress(address)}: ${cause.message}`, { cause })),
    )
    socket.on('close', () => this.#fail(new ConnectionError('lost', `${formatAddress(address)}: the daemon hung up`)))
    socket.resume()
  }

  /** Implements `openConnection`, which all callers use. */
  static async open(options: ConnectOptions, generation: number): Promise<Connection> {
    const target = parseUri(options.uri ?? 'qemu:///system', options.tls)
    const address = options.address ?? target.address
    const timeoutMs = options.connectTimeoutMs ?? 10_000
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout
    let connection: Connection | undefined
    try {
      connection = new Connection(await dialDaemon(address, signal), address, options, generation)
      await connection.#handshake(target.uri, signal)
    } catch (error) {
      if (connection) connection.#fail(new ConnectionError('closed', 'connecting was given up', { cause: error }))
      if (!timeout.aborted || options.signal?.aborted) throw error
      throw new ConnectionError('unreachable', `${formatAddress(address)}: not open within ${timeoutMs} ms`, {
        cause: error,
      })
    }
    publish.up({ address: formatAddress(address), generation })
    connection.#opened = true
    return connection
  }

  get alive(): boolean {
    return this.#failure === undefined
  }

  /**
   * If the signal aborts, throws the signal's reason.
   * @throws LibvirtError if the daemon answered with an error
   * @throws ConnectionError if the connection ended. If the error's field `sent` is true, the daemon may have run the
   * call
   * @throws DeadlineError if the call's deadline passed
   * @throws EncodeError if an argument is invalid
   */
  call<A extends AnyType, R extends AnyType>(
    procedure: PlainProcedure<A, R>,
    args: Input<A>,
    options: CallOptions = {},
  ): Promise<Output<R>> {
    return this.#request(procedure, args, options)
  }

  /**
   * Each stream has its own connection, which ends with the stream. If the stream cannot be opened, throws like `call`.
   * A later error destroys the stream. When a stream is destroyed before its end, the daemon aborts it.
   */
  async openStream<A extends AnyType>(
    procedure: StreamProcedure<A>,
    args: Input<A>,
    options: CallOptions = {},
  ): Promise<LibvirtStream> {
    if (this.#failure) throw this.#failure
    // While the reader of the stream is slow, this client does not read the socket, and sees no answers to its PINGs.
    // With keep-alive the connection would then count as dead.
    const { signal: _opening, ...sameOptions } = this.#options
    const { signal } = options
    const own = await Connection.open(
      { ...sameOptions, ...(signal ? { signal } : {}), address: this.#address, keepAlive: false },
      this.generation,
    )
    const stream = own.#attachStream(procedure)
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    try {
      if (this.#failure) throw this.#failure
      const noteSerial = (serial: number) => own.#noteSerial(serial)
      await own.#request(procedure, args, options, noteSerial)
      return stream
    } catch (error) {
      own.#ownStream = undefined
      stream.on('error', () => {}).destroy() // The caller has no stream yet; it gets the error that is thrown below.
      throw error
    }
  }

  /**
   * Calls `handler` for one event at a time, in order. The handler may make calls on this connection. Throws like
   * `call`.
   */
  async on<E extends EventType>(
    event: E,
    handler: EventHandler<E>,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    const delivery = new Delivery<EventOf<E>>(handler, options)
    const callbackId = await this.#events.register(
      event,
      (item) => delivery.push(item as EventOf<E>),
      () => this.call(proc.connectDomainEventCallbackRegisterAny, { eventId: event.id, dom: options.domain }),
    )
    const close = async () => {
      delivery.close()
      this.#events.forget(callbackId)
      if (this.alive) await this.call(proc.connectDomainEventCallbackDeregisterAny, { callbackId })
    }
    return { close, [Symbol.asyncDispose]: close }
  }

  /** Also ends the streams that the connection has opened. Unanswered calls fail with the ConnectionError `closed`. */
  async close(): Promise<void> {
    if (this.alive && this.#opened && this.#calls.underway === 0) {
      // The daemon also cleans up when the socket closes, so a failure does not matter.
      await this.#request(proc.connectClose, {}, { timeoutMs: 1000 }).catch(() => {})
    }
    this.#fail(new ConnectionError('closed', 'the connection was closed'))
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #handshake(uri: string, signal: AbortSignal): Promise<void> {
    const call = <A extends AnyType, R extends AnyType>(procedure: PlainProcedure<A, R>, args: Input<A>) =>
      this.#request(procedure, args, { signal })
    try {
      await authenticateClient(call, this.#options.credentials)
    } catch (error) {
      if (!isLibvirtError(error)) throw error
      throw new ConnectionError('auth', `${formatAddress(this.#address)}: ${error.message}`, { cause: error })
    }
    if (this.#options.keepAlive !== false) {
      const { supported } = await call(proc.connectSupportsFeature, { feature: driverFeature.programKeepAlive })
      if (supported) this.#keepAlive.start()
    }
    await call(proc.connectOpen, { name: uri, flags: this.#options.readOnly ? 1 : 0 })
  }

  /** An async function would cost a second promise for each call. */
  #request<A extends AnyType, R extends AnyType>(
    procedure: Procedure<A, R>,
    args: Input<A>,
    options: CallOptions,
    onSent?: (serial: number) => void,
  ): Promise<Output<R>> {
    return new Promise<Output<R>>((resolve, reject) => {
      // The result is decoded as `procedure.result`, whose type is R.
      const settle = resolve as (result: unknown) => void
      this.#calls.submit({ procedure, args, options, onSent, resolve: settle, reject })
    })
  }

  #attachStream(procedure: Procedure): LibvirtStream {
    const stream = new LibvirtStream(procedure, {
      send: (status, data, sent) => this.#sendStream(procedure, status, data, sent),
      pause: () => this.#socket.pause(),
      resume: () => this.#socket.resume(),
      close: () => this.#fail(new ConnectionError('closed', 'the stream has ended')),
    })
    this.#ownStream = { stream, procedure, serial: 0 }
    return stream
  }

  #noteSerial(serial: number): void {
    if (this.#ownStream) this.#ownStream.serial = serial
  }

  #sendStream(procedure: Procedure, status: number, data: Uint8Array, sent: (error?: Error | null) => void): void {
    const serial = this.#ownStream?.serial ?? 0
    if (this.#failure || serial === 0) return sent(this.#failure)
    const { length } = data
    // A corked socket writes header and data by one system call, without copying the data.
    this.#socket.cork()
    this.#socket.write(encodeHeader(headerOf(procedure, messageType.stream, serial, status), length))
    this.#socket.write(data, (error) => sent(error))
    this.#socket.uncork()
  }

  #write(bytes: Buffer): void {
    if (!this.#failure) this.#socket.write(bytes)
  }

  #onBytes(bytes: Buffer, length: number): void {
    this.#keepAlive.noteTraffic()
    try {
      this.#frames.push(bytes, length, this.#onFrame)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      this.#fail(new ConnectionError('protocol', `${formatAddress(this.#address)}: ${why}`, { cause }))
    }
    this.#outbox.flush()
  }

  #onMessage(bytes: Buffer, start: number, end: number): void {
    if (this.#failure) return
    const payload = this.#reader.moveTo(bytes, start + 4, end)
    const header = readHeader(payload)
    checkHeader(header)
    if (header.program === program.keepAlive) this.#keepAlive.receive(header.procedure)
    else if (header.type === messageType.stream) this.#onStreamMessage(header, payload)
    else if (header.type === messageType.reply) this.#calls.handleReply(header, payload)
    else if (header.program === program.remote) this.#events.receive(header.procedure, payload)
  }

  #onStreamMessage({ serial, procedure, status }: Header, payload: XdrReader): void {
    const own = this.#ownStream
    if (!own || own.serial !== serial || own.procedure.number !== procedure) {
      throw new ProtocolError(`stream data with serial ${serial}, but no such stream is open`)
    }
    own.stream.receive(status, payload)
  }

  #fail(error: ConnectionError): void {
    if (this.#failure) return
    this.#failure = error
    this.#keepAlive.stop()
    if (error.code === 'closed') this.#socket.end(() => this.#socket.destroy())
    else this.#socket.destroy()
    this.#calls.fail(error)
    this.#ownStream?.stream.fail(error)
    for (const stream of this.#streams) stream.destroy(error)
    const reason = error.code === 'closed' ? undefined : error
    if (this.#opened)
      publish.down({ address: formatAddress(this.#address), generation: this.generation, error: reason })
    this.#resolveClosed(reason)
  }
}

function headerOf(procedure: Procedure, type: number, serial: number, status: number) {
  return { program: procedure.program, version: 1, procedure: procedure.number, type, serial, status }
}
