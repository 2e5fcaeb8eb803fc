// The calls of one connection. libvirtd stops reading a client's socket, even for keep-alive, while
// `max_client_requests` (5) requests of the client are under way. So the client sends at most `slots` (4) calls at a
// time.
//
// A call takes a slot until its reply comes, even if its caller has given up. Slow calls, such as migrations, leave one
// slot free, so that an abort or destroy never waits behind them. Calls are frequent, so each costs only one promise:
// there are no async functions and no timer for each call.
import type { CallOptions } from './connection-options.ts'
import { Deadlines } from './deadlines.ts'
import { publish } from './diagnostics.ts'
import { ConnectionError, DeadlineError, LibvirtError, ProtocolError } from './errors.ts'
import type { Outbox } from './outbox.ts'
import { wireError } from './protocol/common.ts'
import type { Procedure } from './protocol/procedure.ts'
import { Queue } from './queue.ts'
import { decode, encode } from './wire/codec.ts'
import {
  beginMessage,
  finishMessage,
  type Header,
  messageStatus,
  messageType,
  patchSerial,
  setSerial,
} from './wire/header.ts'
import type { XdrReader } from './wire/reader.ts'
import type { Type } from './wire/types.ts'

export interface Request {
  procedure: Procedure
  args: unknown
  options: CallOptions
  /**
   * Called just before the call is sent. A stream needs the serial number early, because its data may arrive before the
   * reply.
   */
  onSent?: ((serial: number) => void) | undefined
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

const defaultTimeoutMs = 30_000

class Call {
  readonly request: Request
  readonly started = performance.now()
  readonly timeoutMs: number
  /** The encoded call while it waits for a free slot; otherwise undefined. */
  message: Buffer | undefined
  /** 0 until the call is sent. */
  serial = 0
  /** True once the caller's promise is settled. After a deadline or abort the reply may still come. */
  done = false
  onAbort: (() => void) | undefined

  constructor(request: Request, timeoutMs: number) {
    this.request = request
    this.timeoutMs = timeoutMs
  }

  get procedure(): Procedure {
    return this.request.procedure
  }
}

export class CallTable {
  readonly #slots: number
  readonly #outbox: Outbox
  readonly #sent = new Map<number, Call>()
  readonly #quick = new Queue<Call>()
  readonly #slow = new Queue<Call>()
  readonly #deadlines = new Deadlines((now) => this.#failOverdue(now))
  #slowSent = 0
  #isQuickNext = true
  #lastSerial = 0
  #failure: ConnectionError | undefined

  constructor(slots: number, outbox: Outbox) {
    this.#slots = slots
    this.#outbox = outbox
  }

  /** Number of sent calls without a reply, including those whose caller has given up. */
  get underway(): number {
    return this.#sent.size
  }

  /** The call waits while too many calls are unanswered. */
  submit(request: Request): void {
    const { procedure, options } = request
    publish.callStart(procedure.name)
    const call = new Call(request, options.timeoutMs ?? (procedure.slow ? Infinity : defaultTimeoutMs))
    try {
      options.signal?.throwIfAborted()
      if (this.#failure) throw this.#failure
      this.#sendOrQueue(call)
    } catch (error) {
      return this.#fail(call, error)
    }
    this.#armDeadline(call)
  }

  /** Throws ProtocolError if no call has the reply's serial number. */
  handleReply({ serial, program, procedure, status }: Header, payload: XdrReader): void {
    const call = this.#sent.get(serial)
    if (!call) throw new ProtocolError(`reply with serial ${serial}, but there is no such call`)
    if (call.procedure.number !== procedure || call.procedure.program !== program) {
      throw new ProtocolError(`reply to procedure ${procedure} for a call of ${call.procedure.name}`)
    }
    this.#sent.delete(serial)
    if (call.procedure.slow) this.#slowSent -= 1
    this.#sendWaiting()
    // Send the waiting calls before a long reply is decoded, because the daemon can work on these calls during the
    // decoding.
    if (payload.left > 1024) this.#outbox.flush()
    if (!call.done) this.#settleFromReply(call, status, payload)
  }

  /** In the errors of calls that were sent, `sent` is true. */
  fail(error: ConnectionError): void {
    this.#failure ??= error
    const calls = [...this.#unsettled()]
    this.#deadlines.stop()
    this.#sent.clear()
    this.#quick.clear()
    this.#slow.clear()
    for (const call of calls) {
      const sent = call.serial > 0
      const message = `${call.procedure.name}: ${error.message}`
      this.#fail(call, new ConnectionError(error.code, message, { cause: error, sent }))
    }
  }

  #sendOrQueue(call: Call): void {
    const { writer } = this.#outbox
    const { procedure, args } = call.request
    const start = beginMessage(writer, {
      program: procedure.program,
      version: 1,
      procedure: procedure.number,
      type: messageType.call,
      serial: 0,
      status: messageStatus.ok,
    })
    try {
      // The type of `Connection.call` lets callers pass only arguments that fit the procedure.
      encode(procedure.args as Type, args, writer)
    } catch (error) {
      writer.truncate(start)
      throw error
    }
    finishMessage(writer, start)
    if (this.#canSendNow(call.procedure)) {
      this.#send(call)
      patchSerial(writer, start, call.serial)
      return
    }
    call.message = Buffer.from(writer.bytes(start))
    writer.truncate(start)
    this.#queueOf(call.procedure).push(call)
  }

  #armDeadline(call: Call): void {
    if (call.timeoutMs !== Infinity) this.#deadlines.add(call.started + call.timeoutMs)
    const { signal } = call.request.options
    if (!signal) return
    call.onAbort = () => this.#fail(call, signal.reason)
    signal.addEventListener('abort', call.onAbort, { once: true })
  }

  #failOverdue(now: number): number {
    let next = Infinity
    for (const call of this.#unsettled()) {
      const deadline = call.started + call.timeoutMs
      if (deadline > now) next = Math.min(next, deadline)
      else this.#fail(call, new DeadlineError(call.procedure.name, call.timeoutMs, call.serial > 0))
    }
    return next
  }

  *#unsettled(): Generator<Call> {
    for (const calls of [this.#sent.values(), this.#quick, this.#slow]) {
      for (const call of calls) if (!call.done) yield call
    }
  }

  #settleFromReply(call: Call, status: number, payload: XdrReader): void {
    const { procedure, resolve } = call.request
    try {
      if (status === messageStatus.error) throw new LibvirtError(decode(wireError, payload), procedure.name)
      const result = decode(procedure.result, payload)
      this.#settle(call, undefined)
      resolve(result)
    } catch (error) {
      this.#fail(call, error)
    }
  }

  #fail(call: Call, error: unknown): void {
    if (call.done) return
    this.#settle(call, error)
    call.request.reject(error)
  }

  #settle(call: Call, error: unknown): void {
    call.done = true
    if (call.onAbort) call.request.options.signal?.removeEventListener('abort', call.onAbort)
    publish.callEnd(call.procedure.name, call.started, error)
  }

  #queueOf({ slow }: Procedure): Queue<Call> {
    return slow ? this.#slow : this.#quick
  }

  #send(call: Call): void {
    call.serial = this.#nextSerial()
    call.request.onSent?.(call.serial)
    this.#sent.set(call.serial, call)
    if (call.procedure.slow) this.#slowSent += 1
    this.#outbox.scheduleFlush()
  }

  #sendWaiting(): void {
    while (this.#sent.size < this.#slots && !this.#failure) {
      const call = this.#takeNext()
      if (!call?.message) return
      this.#send(call)
      setSerial(call.message, call.serial)
      this.#outbox.writer.raw(call.message)
      call.message = undefined
    }
  }

  /** False while an earlier call of the same kind (quick or slow) waits. */
  #canSendNow(procedure: Procedure): boolean {
    if (this.#sent.size >= this.#slots || this.#queueOf(procedure).length > 0) return false
    return !procedure.slow || this.#canSendSlow()
  }

  #canSendSlow(): boolean {
    return this.#slowSent < this.#slots - 1 || this.#slots === 1
  }

  /** Quick and slow calls take turns, so that neither kind starves. */
  #takeNext(): Call | undefined {
    dropSettled(this.#quick)
    dropSettled(this.#slow)
    const takeSlow = this.#slow.length > 0 && this.#canSendSlow()
    const takeQuick = this.#quick.length > 0 && (this.#isQuickNext || !takeSlow)
    this.#isQuickNext = !takeQuick
    if (takeQuick) return this.#quick.shift()
    return takeSlow ? this.#slow.shift() : undefined
  }

  #nextSerial(): number {
    do {
      this.#lastSerial = this.#lastSerial === 0xffff_ffff ? 1 : this.#lastSerial + 1
    } while (this.#sent.has(this.#lastSerial))
    return this.#lastSerial
  }
}

function dropSettled(queue: Queue<Call>): void {
  while (queue.peek()?.done) queue.shift()
}
