// Writes XDR (RFC 4506) into a buffer that grows and can be reused. The codec checks the protocol's limits.
import { EncodeError } from '../errors.ts'

export class XdrWriter {
  #bytes: Buffer
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = Buffer.alloc(capacity)
    this.#view = viewOf(this.#bytes)
  }

  get length(): number {
    return this.#length
  }

  /** A view of the bytes from `start` on. The next write may overwrite them or move to another buffer. */
  bytes(start = 0): Buffer {
    return this.#bytes.subarray(start, this.#length)
  }

  /** Discards the bytes from `length` on. */
  truncate(length: number): void {
    this.#length = length
  }

  /** Overwrites an unsigned int. */
  patch(offset: number, value: number): void {
    this.#view.setUint32(offset, value)
  }

  int(value: number): void {
    requireInteger(value, -0x8000_0000, 0x7fff_ffff, 'int')
    const start = this.#reserve(4)
    this.#view.setInt32(start, value)
  }

  uint(value: number): void {
    requireInteger(value, 0, 0xffff_ffff, 'unsigned int')
    const start = this.#reserve(4)
    this.#view.setUint32(start, value)
  }

  hyper(value: bigint | number): void {
    const big = toBigInt(value)
    if (BigInt.asIntN(64, big) !== big) throw new EncodeError(`${big} is not a 64 bit integer`)
    const start = this.#reserve(8)
    this.#view.setBigInt64(start, big)
  }

  uhyper(value: bigint | number): void {
    const big = toBigInt(value)
    if (BigInt.asUintN(64, big) !== big) throw new EncodeError(`${big} is not an unsigned 64 bit integer`)
    const start = this.#reserve(8)
    this.#view.setBigUint64(start, big)
  }

  double(value: number): void {
    const start = this.#reserve(8)
    this.#view.setFloat64(start, value)
  }

  /** Bytes as hexadecimal text; their number is a multiple of four. */
  hex(text: string): void {
    const start = this.#reserve(text.length / 2)
    this.#bytes.write(text, start, 'hex')
  }

  opaque(value: Uint8Array): void {
    this.uint(value.length)
    const start = this.#reservePadded(value.length)
    this.#bytes.set(value, start)
  }

  /** A text whose UTF-8 has `length` bytes. */
  string(value: string, length: number): void {
    this.uint(length)
    const start = this.#reservePadded(length)
    this.#bytes.write(value, start, length, 'utf8')
  }

  /** Bytes without count and padding, such as a whole message. */
  raw(value: Uint8Array): void {
    const start = this.#reserve(value.length)
    this.#bytes.set(value, start)
  }

  /** Makes room for bytes with zero padding and gives its offset. */
  #reservePadded(length: number): number {
    const start = this.#reserve(length + ((4 - (length % 4)) % 4))
    if (length % 4 !== 0) this.#view.setUint32(this.#length - 4, 0)
    return start
  }

  /**
   * Makes room and gives its offset. May replace the buffer, so callers must ask for room before they use the buffer.
   */
  #reserve(length: number): number {
    const start = this.#length
    this.#length = start + length
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length))
      grown.set(this.#bytes.subarray(0, start))
      this.#bytes = grown
      this.#view = viewOf(grown)
    }
    return start
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function requireInteger(value: number, min: number, max: number, what: string): void {
  if (!Number.isInteger(value) || value < min || value > max) throw new EncodeError(`${value} is not an ${what}`)
}

function toBigInt(value: bigint | number): bigint {
  if (typeof value === 'bigint') return value
  // A number above 2^53 may have lost digits already: refuse it instead of sending another value than the caller meant.
  if (!Number.isSafeInteger(value)) throw new EncodeError(`${value} is not an exact integer; give a bigint`)
  return BigInt(value)
}
