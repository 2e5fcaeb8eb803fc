// Answers the daemon's PINGs, and sends PINGs while the daemon is silent. Reports the daemon as dead if too many PINGs
// stay unanswered.
import { encodeMessage, messageStatus, messageType, program } from './wire/header.ts'

const ping = 1
const pong = 2

export interface KeepAliveOptions {
  intervalMs: number
  /** Unanswered PINGs after which the connection counts as dead. */
  count: number
}

/** libvirt's own default: the connection counts as dead after 30 seconds of silence. */
export const defaultKeepAlive: KeepAliveOptions = { intervalMs: 5000, count: 5 }

export class KeepAlive {
  readonly #options: KeepAliveOptions
  readonly #send: (message: Buffer) => void
  readonly #onDead: (silentMs: number) => void
  #timer: NodeJS.Timeout | undefined
  #unanswered = 0
  #hadTraffic = false

  constructor(options: KeepAliveOptions, send: (message: Buffer) => void, onDead: (silentMs: number) => void) {
    this.#options = options
    this.#send = send
    this.#onDead = onDead
  }

  /**
   * Starts to send PINGs while the daemon is silent. The client answers the daemon's PINGs even if `start` was not
   * called.
   */
  start(): void {
    this.stop()
    this.#timer = setInterval(() => this.#checkSilence(), this.#options.intervalMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  noteTraffic(): void {
    this.#hadTraffic = true
    this.#unanswered = 0
  }

  receive(procedure: number): void {
    if (procedure === ping) this.#send(keepAliveMessage(pong))
  }

  #checkSilence(): void {
    if (this.#hadTraffic) {
      this.#hadTraffic = false
      return
    }
    const { count, intervalMs } = this.#options
    if (this.#unanswered >= count) {
      this.stop()
      this.#onDead((count + 1) * intervalMs)
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
