// Writes XDR (RFC 4506). The codec checks the protocol's limits, so the writer does not.
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

  /** Returns the written bytes without copying them, so the next write may overwrite or move them. */
  bytes(start = 0): Buffer {
    return this.#bytes.subarray(start, this.#length)
  }

  /** Discards the bytes from `length` on. */
  truncate(length: number): void {
    this.#length = length
  }

  /** Overwrites the unsigned int at `offset`. */
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

  /** Writes hexadecimal text as bytes. The number of bytes must be a multiple of four. */
  hex(text: string): void {
    const start = this.#reserve(text.length / 2)
    this.#bytes.write(text, start, 'hex')
  }

  opaque(value: Uint8Array): void {
    this.uint(value.length)
    const start = this.#reservePadded(value.length)
    this.#bytes.set(value, start)
  }

  /** `length` is the number of bytes of `value` in UTF-8. */
  string(value: string, length: number): void {
    this.uint(length)
    const start = this.#reservePadded(length)
    this.#bytes.write(value, start, length, 'utf8')
  }

  raw(value: Uint8Array): void {
    const start = this.#reserve(value.length)
    this.#bytes.set(value, start)
  }

  #reservePadded(length: number): number {
    const start = this.#reserve(length + ((4 - (length % 4)) % 4))
    if (length % 4 !== 0) this.#view.setUint32(this.#length - 4, 0)
    return start
  }

  /**
   * Makes room for `length` bytes and returns the offset of the first byte. May replace `#bytes` and `#view`, so read
   * these fields only after this call.
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
  // A number above 2^53 may have lost digits already, so reject it.
  if (!Number.isSafeInteger(value)) throw new EncodeError(`${value} is not an exact integer; give a bigint`)
  return BigInt(value)
}
