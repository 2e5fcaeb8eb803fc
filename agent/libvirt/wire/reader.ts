// Reads XDR (RFC 4506) from a buffer: everything is big-endian and padded to four bytes; every length is checked first.
import { ProtocolError } from '../errors.ts'

export class XdrReader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#offset
  }

  /** The rest, unread and unpadded: a stream's data. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#take(this.left))
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  uint(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  hyper(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8))
  }

  uhyper(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8))
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8))
  }

  /** XDR's own bool, as before an optional value: exactly 0 or 1. */
  flag(): boolean {
    const value = this.uint()
    if (value > 1) throw new ProtocolError(`a bool is 0 or 1, not ${value}, at byte ${this.#offset - 4}`)
    return value === 1
  }

  /** A count or length, refused above `max` before anything is allocated for it. */
  count(max: number, what: string): number {
    const value = this.uint()
    if (value > max)
      throw new ProtocolError(`${what} of ${value} is over the limit of ${max}, at byte ${this.#offset - 4}`)
    return value
  }

  /** Opaque bytes of known length with their padding; a view, not a copy. */
  fixed(length: number): Buffer {
    const start = this.#take(length)
    this.#take((4 - (length % 4)) % 4)
    return this.#bytes.subarray(start, start + length)
  }

  opaque(max: number): Buffer {
    return this.fixed(this.count(max, 'opaque'))
  }

  string(max: number): string {
    const length = this.count(max, 'string')
    const start = this.#take(length)
    this.#take((4 - (length % 4)) % 4)
    return this.#bytes.toString('utf8', start, start + length)
  }

  /** Says that the value should have ended here. */
  end(what: string): void {
    if (this.left > 0) throw new ProtocolError(`${what}: ${this.left} bytes more than it should have`)
  }

  #take(length: number): number {
    const start = this.#offset
    if (length > this.#bytes.length - start) {
      throw new ProtocolError(`${length} bytes wanted at byte ${start}, ${this.#bytes.length - start} left`)
    }
    this.#offset = start + length
    return start
  }
}
