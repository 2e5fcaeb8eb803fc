// Calls of one connection: they wait for a slot, are sent, and are matched to their replies by serial.
//
// libvirtd stops reading a client's socket, keep-alive included, while `max_client_requests` (5) of its requests are under
// way, the one being read included. So at most `slots` (4) are sent at a time, and calls marked slow leave one slot free:
// an abort or destroy is never queued behind four migrations. A call that is given up keeps its slot until its late reply
// came: the daemon is still at it.
import { ConnectionError, DeadlineError, ProtocolError } from './errors.ts'
import type { Procedure } from './protocol/procedure.ts'
import { type Message, setSerial } from './wire/header.ts'

interface Waiting {
  procedure: Procedure
  message: Buffer
  resolve: (reply: Message) => void
  reject: (error: unknown) => void
  /** Set once it is on the wire. */
  serial?: number
  /** Nobody waits for it any more. */
  done: boolean
  onSerial: ((serial: number) => void) | undefined
  cleanUp?: () => void
}

export interface CallLimits {
  /** Milliseconds; Infinity for none. */
  timeoutMs: number
  signal?: AbortSignal | undefined
  /** Told the serial just before the call is sent: the bytes of a stream may overtake the reply. */
  onSerial?: (serial: number) => void
}

export class CallTable {
  readonly #slots: number
  readonly #send: (message: Buffer) => void
  readonly #sent = new Map<number, Waiting>()
  readonly #queues: { quick: Waiting[]; slow: Waiting[] } = { quick: [], slow: [] }
  #slowSent = 0
  #quickNext = true
  #lastSerial = 0
  #failure: ConnectionError | undefined

  constructor(slots: number, send: (message: Buffer) => void) {
    this.#slots = slots
    this.#send = send
  }

  /** Calls on the wire, given up ones included. */
  get underway(): number {
    return this.#sent.size
  }

  /** Sends the message as soon as a slot is free and gives the reply, be it an error or not. */
  async submit(procedure: Procedure, message: Buffer, limits: CallLimits): Promise<Message> {
    limits.signal?.throwIfAborted()
    if (this.#failure) throw this.#failure
    const { promise, resolve, reject } = Promise.withResolvers<Message>()
    const call: Waiting = { procedure, message, resolve, reject, done: false, onSerial: limits.onSerial }
    this.#limit(call, limits)
    this.#queues[procedure.slow ? 'slow' : 'quick'].push(call)
    this.#pump()
    return promise
  }

  /** Takes a reply. Throws ProtocolError if it answers nothing that was asked. */
  reply(message: Message): void {
    const { serial, program, procedure } = message.header
    const call = this.#sent.get(serial)
    if (!call) throw new ProtocolError(`reply with serial ${serial}, which was not asked`)
    if (call.procedure.number !== procedure || call.procedure.program !== program) {
      throw new ProtocolError(`reply to procedure ${procedure} for a call of ${call.procedure.name}`)
    }
    this.#sent.delete(serial)
    if (call.procedure.slow) this.#slowSent -= 1
    if (!call.done) {
      this.#end(call)
      call.resolve(message)
    }
    this.#pump()
  }

  /** The connection is gone: every call fails, those on the wire with `sent`. */
  fail(error: ConnectionError): void {
    this.#failure ??= error
    const calls = [...this.#sent.values(), ...this.#queues.quick, ...this.#queues.slow].filter((call) => !call.done)
    this.#sent.clear()
    this.#queues.quick = []
    this.#queues.slow = []
    for (const call of calls) {
      this.#end(call)
      const sent = call.serial !== undefined
      call.reject(new ConnectionError(error.code, `${call.procedure.name}: ${error.message}`, { cause: error, sent }))
    }
  }

  #limit(call: Waiting, { timeoutMs, signal }: CallLimits): void {
    const giveUp = (error: unknown) => {
      if (call.done) return
      this.#end(call)
      call.reject(error)
    }
    const sent = () => call.serial !== undefined
    const timer = Number.isFinite(timeoutMs)
      ? setTimeout(() => giveUp(new DeadlineError(call.procedure.name, timeoutMs, sent())), timeoutMs)
      : undefined
    const onAbort = () => giveUp(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    call.cleanUp = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #end(call: Waiting): void {
    call.done = true
    call.cleanUp?.()
  }

  #pump(): void {
    if (this.#failure) return
    while (this.#sent.size < this.#slots) {
      const call = this.#next()
      if (!call) return
      call.serial = this.#serial()
      setSerial(call.message, call.serial)
      call.onSerial?.(call.serial)
      this.#sent.set(call.serial, call)
      if (call.procedure.slow) this.#slowSent += 1
      this.#send(call.message)
    }
  }

  /** The two queues take turns, so that neither starves the other; slow calls leave a slot free. */
  #next(): Waiting | undefined {
    const { quick, slow } = this.#queues
    dropDone(quick)
    dropDone(slow)
    const slowMayGo = slow.length > 0 && (this.#slowSent < this.#slots - 1 || this.#slots === 1)
    const takeQuick = quick.length > 0 && (this.#quickNext || !slowMayGo)
    this.#quickNext = !takeQuick
    if (takeQuick) return quick.shift()
    return slowMayGo ? slow.shift() : undefined
  }

  #serial(): number {
    do {
      this.#lastSerial = this.#lastSerial === 0xffff_ffff ? 1 : this.#lastSerial + 1
    } while (this.#sent.has(this.#lastSerial))
    return this.#lastSerial
  }
}

function dropDone(queue: Waiting[]): void {
  while (queue[0]?.done) queue.shift()
}
