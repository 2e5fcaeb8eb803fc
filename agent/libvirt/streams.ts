// Each stream has its own connection, because the protocol has no flow control: a slow receiver can hold the daemon
// back only by not reading the socket. On a shared connection, this would also stop other calls and keep-alive.
import { Duplex } from 'node:stream'
import { ConnectionError, LibvirtError, ProtocolError } from './errors.ts'
import { wireError } from './protocol/common.ts'
import type { Procedure } from './protocol/procedure.ts'
import { decode } from './wire/codec.ts'
import { messageStatus, streamChunkMax } from './wire/header.ts'
import type { XdrReader } from './wire/reader.ts'

export interface StreamPort {
  /** Calls `sent` when the message has been written to the socket. */
  send(status: number, data: Uint8Array, sent: (error?: Error | null) => void): void
  pause(): void
  resume(): void
  /** Ends the stream's connection. */
  close(): void
}

/**
 * A stream of bytes from or to the daemon, with back-pressure both ways. An upload emits `finish` (which `pipeline`
 * awaits) when the daemon has confirmed it. An error of the daemon destroys the stream with LibvirtError. `destroy()`
 * aborts the stream at the daemon.
 */
export class LibvirtStream extends Duplex {
  readonly #procedure: Procedure
  readonly #port: StreamPort
  /**
   * True once the daemon has confirmed the end or sent an error, or this client has aborted the stream. Nothing more
   * may be sent then.
   */
  #over = false
  /** The finish message marks the end of this client's data. */
  #finishSent = false
  #finished: ((error?: Error | null) => void) | undefined

  constructor(procedure: Procedure, port: StreamPort) {
    const sides = {
      readable: procedure.stream !== 'upload',
      writable: procedure.stream !== 'download',
      allowHalfOpen: procedure.stream === 'upload',
      readableHighWaterMark: 4 * streamChunkMax,
      writableHighWaterMark: 4 * streamChunkMax,
    }
    super(sides)
    this.#procedure = procedure
    this.#port = port
  }

  /** Throws ProtocolError for data in an upload. */
  receive(status: number, payload: XdrReader): void {
    if (this.#over || this.destroyed) return
    if (status === messageStatus.error) {
      this.#over = true
      this.destroy(new LibvirtError(decode(wireError, payload), this.#procedure.name))
    } else if (status === messageStatus.ok) {
      this.#complete()
    } else if (payload.left > 0) {
      this.#pushData(payload.rest())
    } else {
      // An empty message marks the end of the daemon's data. Send the finish message now, because the daemon confirms
      // the end of the stream only after it has received the finish message.
      this.#sendFinish()
    }
  }

  fail(error: ConnectionError): void {
    if (!this.#over) this.destroy(error)
  }

  override _read(): void {
    this.#port.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#over || this.#finishSent)
      return done(new Error(`${this.#procedure.name}: written after the end of the stream`))
    for (let start = 0; start < chunk.length || start === 0; start += streamChunkMax) {
      const end = Math.min(start + streamChunkMax, chunk.length)
      const sent = end === chunk.length ? done : () => {}
      this.#port.send(messageStatus.continue, chunk.subarray(start, end), sent)
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#over) return done()
    this.#finished = done
    this.#sendFinish()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#over) this.#port.send(messageStatus.error, Buffer.alloc(0), () => {})
    this.#over = true
    this.#port.close()
    this.#finished?.(error)
    done(error)
  }

  #pushData(payload: Buffer): void {
    if (this.#procedure.stream === 'upload')
      throw new ProtocolError(`${this.#procedure.name}: the daemon sent data in an upload`)
    if (!this.push(payload)) this.#port.pause()
  }

  #complete(): void {
    this.#over = true
    this.#finished?.()
    this.#finished = undefined
    if (this.#procedure.stream === 'upload') return
    this.push(null)
    // Back-pressure may have paused the socket. Resume it so that the reader gets the end of the stream.
    this.#port.resume()
  }

  #sendFinish(): void {
    if (this.#finishSent) return
    this.#finishSent = true
    this.#port.send(messageStatus.ok, Buffer.alloc(0), () => {})
  }
}
