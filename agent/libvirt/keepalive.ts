// Keep-alive: answers the peer's PINGs, sends ours when the line is quiet, and says when the peer has been silent too long.
import { encodeMessage, messageStatus, messageType, program } from './wire/header.ts'

const ping = 1
const pong = 2

export interface KeepAliveOptions {
  /** Milliseconds of silence before a PING. */
  intervalMs: number
  /** So many PINGs in a row may go unanswered. */
  count: number
}

/** As libvirt's own clients and daemons: dead after 30 seconds. */
export const defaultKeepAlive: KeepAliveOptions = { intervalMs: 5000, count: 5 }

export class KeepAlive {
  readonly #options: KeepAliveOptions
  readonly #send: (message: Buffer) => void
  readonly #dead: (silentMs: number) => void
  #timer: NodeJS.Timeout | undefined
  #unanswered = 0
  #heard = false

  constructor(options: KeepAliveOptions, send: (message: Buffer) => void, dead: (silentMs: number) => void) {
    this.#options = options
    this.#send = send
    this.#dead = dead
  }

  /** Begins to send PINGs of its own; PINGs of the peer are answered in any case. */
  start(): void {
    this.stop()
    this.#timer = setInterval(() => this.#tick(), this.#options.intervalMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Any byte of the peer shows that it lives. */
  heard(): void {
    this.#heard = true
    this.#unanswered = 0
  }

  /** A message of the keep-alive program. */
  receive(procedure: number): void {
    if (procedure === ping) this.#send(keepAliveMessage(pong))
  }

  #tick(): void {
    if (this.#heard) {
      this.#heard = false
      return
    }
    const { count, intervalMs } = this.#options
    if (this.#unanswered >= count) {
      this.stop()
      this.#dead((count + 1) * intervalMs)
      return
    }
    this.#unanswered += 1
    this.#send(keepAliveMessage(ping))
  }
}

function keepAliveMessage(procedure: number): Buffer {
  const header = {
    program: program.keepAlive,
    version: 1,
    procedure,
    type: messageType.message,
    serial: 0,
    status: messageStatus.ok,
  }
  return encodeMessage(header, Buffer.alloc(0))
}
