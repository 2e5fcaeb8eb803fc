// A libvirt stream as a Node stream: console (both ways), download (from the daemon), upload (to the daemon).
//
// Each stream has a connection of its own, because the protocol has no flow control: a client can only slow a daemon
// down by not reading, and a daemon that cannot write to a guest stops reading. On a shared connection this would stop
// calls and keep-alive.
import { Duplex } from 'node:stream'
import { ConnectionError, LibvirtError, ProtocolError } from './errors.ts'
import { wireError } from './protocol/common.ts'
import type { Procedure } from './protocol/procedure.ts'
import { decode } from './wire/codec.ts'
import { messageStatus, streamChunkMax } from './wire/header.ts'
import type { XdrReader } from './wire/reader.ts'

/** The part of a connection that its stream uses. */
export interface StreamPort {
  /** Sends one stream message and calls `sent` when the socket has taken it. */
  send(status: number, data: Uint8Array, sent: (error?: Error | null) => void): void
  pause(): void
  resume(): void
  /** Ends the connection. */
  close(): void
}

/**
 * Bytes from or to the daemon, with back-pressure both ways. The event `finish` of an upload, for which `pipeline`
 * waits, means that the daemon has confirmed it. A failed stream is destroyed with LibvirtError. `destroy()` aborts the
 * stream at the daemon.
 */
export class LibvirtStream extends Duplex {
  readonly #procedure: Procedure
  readonly #port: StreamPort
  /** True once the daemon has sent ok or error: nothing more may be sent. */
  #over = false
  /** True once this client has sent its finish. */
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

  /** Handles a stream message of the daemon. Throws ProtocolError for data in an upload. */
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
      // An empty message is the daemon's end of data. The daemon then waits for this client's finish and confirms it.
      this.#sendFinish()
    }
  }

  /** Destroys the stream because its connection ended first. */
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
    // The reader must get the end of the stream even if it has paused the socket.
    this.#port.resume()
  }

  #sendFinish(): void {
    if (this.#finishSent) return
    this.#finishSent = true
    this.#port.send(messageStatus.ok, Buffer.alloc(0), () => {})
  }
}
