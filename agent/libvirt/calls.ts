// Calls of one connection: they wait for a slot, are sent, and are matched to their replies by serial.
//
// libvirtd stops reading a client's socket, keep-alive included, while `max_client_requests` (5) of its requests are under
// way, the one being read included. So at most `slots` (4) are sent at a time, and calls marked slow leave one slot free:
// an abort or destroy is never queued behind four migrations. A call that is given up keeps its slot until its late reply
// came: the daemon is still at it.
//
// A call costs one promise, which is settled while its reply is read: no async function and no timer of its own.
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

/** What is asked, and who waits for it. */
export interface Request {
  procedure: Procedure
  args: unknown
  /** With `timeoutMs` for a call that names none. */
  options: CallOptions
  /** Told the serial when the call is sent: the bytes of a stream may overtake the reply. */
  onSent?: ((serial: number) => void) | undefined
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

class Call {
  readonly request: Request
  readonly started = performance.now()
  readonly timeoutMs: number
  /** As long as it waits for a slot. */
  message: Buffer | undefined
  /** 0 until it is on the wire. */
  serial = 0
  /** Nobody waits for it any more. */
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
  readonly #timeoutMs: number
  readonly #outbox: Outbox
  readonly #sent = new Map<number, Call>()
  readonly #quick = new Queue<Call>()
  readonly #slow = new Queue<Call>()
  readonly #deadlines = new Deadlines((now) => this.#expire(now))
  #slowSent = 0
  #quickNext = true
  #lastSerial = 0
  #failure: ConnectionError | undefined

  /** `timeoutMs`: the deadline of calls that name none. */
  constructor(slots: number, timeoutMs: number, outbox: Outbox) {
    this.#slots = slots
    this.#timeoutMs = timeoutMs
    this.#outbox = outbox
  }

  /** Calls on the wire, given up ones included. */
  get underway(): number {
    return this.#sent.size
  }

  /** Sends the call as soon as a slot is free, and settles the request with its result or with what went wrong. */
  submit(request: Request): void {
    const { procedure, options } = request
    publish.callStart(procedure.name)
    const call = new Call(request, options.timeoutMs ?? (procedure.slow ? Infinity : this.#timeoutMs))
    try {
      options.signal?.throwIfAborted()
      if (this.#failure) throw this.#failure
      this.#begin(call)
    } catch (error) {
      return this.#fail(call, error)
    }
    this.#limit(call)
  }

  /** Takes a reply. Throws ProtocolError if it answers nothing that was asked. */
  reply({ serial, program, procedure, status }: Header, payload: XdrReader): void {
    const call = this.#sent.get(serial)
    if (!call) throw new ProtocolError(`reply with serial ${serial}, which was not asked`)
    if (call.procedure.number !== procedure || call.procedure.program !== program) {
      throw new ProtocolError(`reply to procedure ${procedure} for a call of ${call.procedure.name}`)
    }
    this.#sent.delete(serial)
    if (call.procedure.slow) this.#slowSent -= 1
    this.#pump()
    // What is long to read is read while the daemon works on the next call.
    if (payload.left > 1024) this.#outbox.flush()
    if (!call.done) this.#settle(call, status, payload)
  }

  /** The connection is gone: every call fails, those on the wire with `sent`. */
  fail(error: ConnectionError): void {
    this.#failure ??= error
    const calls = [...this.#all()]
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

  /** Writes the call where it goes to the daemon, or, without a slot, aside. */
  #begin(call: Call): void {
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
      // The request was typed by its procedure where it was made.
      encode(procedure.args as Type, args, writer)
    } catch (error) {
      writer.truncate(start)
      throw error
    }
    finishMessage(writer, start)
    if (this.#mayGo(call.procedure)) {
      this.#send(call)
      patchSerial(writer, start, call.serial)
      return
    }
    call.message = Buffer.from(writer.bytes(start))
    writer.truncate(start)
    this.#queueOf(call.procedure).push(call)
  }

  #limit(call: Call): void {
    if (call.timeoutMs !== Infinity) this.#deadlines.add(call.started + call.timeoutMs)
    const { signal } = call.request.options
    if (!signal) return
    call.onAbort = () => this.#fail(call, signal.reason)
    signal.addEventListener('abort', call.onAbort, { once: true })
  }

  #expire(now: number): number {
    let next = Infinity
    for (const call of this.#all()) {
      const deadline = call.started + call.timeoutMs
      if (deadline > now) next = Math.min(next, deadline)
      else this.#fail(call, new DeadlineError(call.procedure.name, call.timeoutMs, call.serial > 0))
    }
    return next
  }

  /** Those that somebody waits for. */
  *#all(): Generator<Call> {
    for (const calls of [this.#sent.values(), this.#quick, this.#slow]) {
      for (const call of calls) if (!call.done) yield call
    }
  }

  #settle(call: Call, status: number, payload: XdrReader): void {
    const { procedure, resolve } = call.request
    try {
      if (status === messageStatus.error) throw new LibvirtError(decode(wireError, payload), procedure.name)
      const result = decode(procedure.result, payload)
      this.#end(call, undefined)
      resolve(result)
    } catch (error) {
      this.#fail(call, error)
    }
  }

  #fail(call: Call, error: unknown): void {
    if (call.done) return
    this.#end(call, error)
    call.request.reject(error)
  }

  #end(call: Call, error: unknown): void {
    call.done = true
    if (call.onAbort) call.request.options.signal?.removeEventListener('abort', call.onAbort)
    publish.callEnd(call.procedure.name, call.started, error)
  }

  #queueOf({ slow }: Procedure): Queue<Call> {
    return slow ? this.#slow : this.#quick
  }

  #send(call: Call): void {
    call.serial = this.#serial()
    call.request.onSent?.(call.serial)
    this.#sent.set(call.serial, call)
    if (call.procedure.slow) this.#slowSent += 1
    this.#outbox.due()
  }

  #pump(): void {
    while (this.#sent.size < this.#slots && !this.#failure) {
      const call = this.#next()
      if (!call?.message) return
      this.#send(call)
      setSerial(call.message, call.serial)
      this.#outbox.writer.raw(call.message)
      call.message = undefined
    }
  }

  /** Whether a call that has just come can be sent at once; those that wait go first. */
  #mayGo(procedure: Procedure): boolean {
    if (this.#sent.size >= this.#slots || this.#queueOf(procedure).length > 0) return false
    return !procedure.slow || this.#slowMayGo()
  }

  #slowMayGo(): boolean {
    return this.#slowSent < this.#slots - 1 || this.#slots === 1
  }

  /** The two queues take turns, so that neither starves the other; slow calls leave a slot free. */
  #next(): Call | undefined {
    dropDone(this.#quick)
    dropDone(this.#slow)
    const slowMayGo = this.#slow.length > 0 && this.#slowMayGo()
    const takeQuick = this.#quick.length > 0 && (this.#quickNext || !slowMayGo)
    this.#quickNext = !takeQuick
    if (takeQuick) return this.#quick.shift()
    return slowMayGo ? this.#slow.shift() : undefined
  }

  #serial(): number {
    do {
      this.#lastSerial = this.#lastSerial === 0xffff_ffff ? 1 : this.#lastSerial + 1
    } while (this.#sent.has(this.#lastSerial))
    return this.#lastSerial
  }
}

function dropDone(queue: Queue<Call>): void {
  while (queue.peek()?.done) queue.shift()
}
