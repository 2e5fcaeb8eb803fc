// Reads XDR (RFC 4506): values are big-endian and padded to four bytes. Checks every length before using it.
import { ProtocolError } from '../errors.ts'
import { decodeName, nameMax } from './names.ts'

const empty = Buffer.alloc(0)

/** The values it returns are copies, so the caller may reuse the buffer. */
export class XdrReader {
  #bytes: Buffer = empty
  #view: DataView = new DataView(empty.buffer)
  #offset = 0
  #end = 0

  constructor(bytes: Buffer = empty) {
    this.moveTo(bytes, 0, bytes.length)
  }

  moveTo(bytes: Buffer, start: number, end: number): this {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    }
    this.#offset = start
    this.#end = end
    return this
  }

  get left(): number {
    return this.#end - this.#offset
  }

  rest(): Buffer {
    return this.#copy(this.left)
  }

  int(): number {
    return this.#view.getInt32(this.#take(4))
  }

  uint(): number {
    return this.#view.getUint32(this.#take(4))
  }

  hyper(): bigint {
    return this.#view.getBigInt64(this.#take(8))
  }

  uhyper(): bigint {
    return this.#view.getBigUint64(this.#take(8))
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  /** Throws ProtocolError if the bool is neither 0 nor 1. */
  flag(): boolean {
    const value = this.uint()
    if (value > 1) throw new ProtocolError(`a bool is 0 or 1, not ${value}, at byte ${this.#offset - 4}`)
    return value === 1
  }

  /** Reads a count or length. Throws ProtocolError if it is above `max`. */
  count(max: number, what: string): number {
    const value = this.uint()
    if (value > max)
      throw new ProtocolError(`${what} of ${value} is over the limit of ${max}, at byte ${this.#offset - 4}`)
    return value
  }

  /** Reads `length` bytes as hexadecimal text. `length` must be a multiple of four. */
  hex(length: number): string {
    const start = this.#take(length)
    return this.#bytes.toString('hex', start, start + length)
  }

  opaque(max: number): Buffer {
    const length = this.count(max, 'opaque')
    const bytes = this.#copy(length)
    this.#take(paddingAfter(length))
    return bytes
  }

  string(max: number): string {
    const length = this.count(max, 'string')
    const start = this.#take(length)
    this.#take(paddingAfter(length))
    if (length <= nameMax) return decodeName(this.#bytes, start, start + length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  /** Throws ProtocolError unless all bytes have been read. */
  end(what: string): void {
    if (this.left > 0) throw new ProtocolError(`${what}: ${this.left} bytes more than it should have`)
  }

  #copy(length: number): Buffer {
    const start = this.#take(length)
    return Buffer.from(this.#bytes.subarray(start, start + length))
  }

  #take(length: number): number {
    const start = this.#offset
    if (length > this.#end - start) {
      throw new ProtocolError(`${length} bytes wanted at byte ${start}, ${this.#end - start} left`)
    }
    this.#offset = start + length
    return start
  }
}

function paddingAfter(length: number): number {
  return (4 - (length % 4)) % 4
}
