// Writes XDR (RFC 4506) into a buffer that grows and is zero where padding goes; the limits of the protocol are the codec's concern.
import { EncodeError } from '../errors.ts'

export class XdrWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = Buffer.alloc(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** What was written so far; a view that the next write may leave behind. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  int(value: number): void {
    integer(value, -0x8000_0000, 0x7fff_ffff, 'int')
    const start = this.#room(4)
    this.#bytes.writeInt32BE(value, start)
  }

  uint(value: number): void {
    integer(value, 0, 0xffff_ffff, 'unsigned int')
    const start = this.#room(4)
    this.#bytes.writeUInt32BE(value, start)
  }

  hyper(value: bigint | number): void {
    const big = wide(value)
    if (BigInt.asIntN(64, big) !== big) throw new EncodeError(`${big} is not a 64 bit integer`)
    const start = this.#room(8)
    this.#bytes.writeBigInt64BE(big, start)
  }

  uhyper(value: bigint | number): void {
    const big = wide(value)
    if (BigInt.asUintN(64, big) !== big) throw new EncodeError(`${big} is not an unsigned 64 bit integer`)
    const start = this.#room(8)
    this.#bytes.writeBigUInt64BE(big, start)
  }

  double(value: number): void {
    const start = this.#room(8)
    this.#bytes.writeDoubleBE(value, start)
  }

  fixed(value: Uint8Array): void {
    const start = this.#room(value.length + ((4 - (value.length % 4)) % 4))
    this.#bytes.set(value, start)
  }

  opaque(value: Uint8Array): void {
    this.uint(value.length)
    this.fixed(value)
  }

  string(value: string): void {
    const length = Buffer.byteLength(value)
    this.uint(length)
    const start = this.#room(length + ((4 - (length % 4)) % 4))
    this.#bytes.write(value, start, 'utf8')
  }

  /** Raw bytes, neither counted nor padded: a stream's data. */
  raw(value: Uint8Array): void {
    const start = this.#room(value.length)
    this.#bytes.set(value, start)
  }

  /** Makes room and gives its offset. May replace `#bytes`: take the offset first, then the buffer. */
  #room(length: number): number {
    const start = this.#length
    this.#length = start + length
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length))
      grown.set(this.#bytes.subarray(0, start))
      this.#bytes = grown
    }
    return start
  }
}

function integer(value: number, min: number, max: number, what: string): void {
  if (!Number.isInteger(value) || value < min || value > max) throw new EncodeError(`${value} is not an ${what}`)
}

function wide(value: bigint | number): bigint {
  if (typeof value === 'bigint') return value
  // A number above 2^53 has already lost digits: say so instead of sending another value than meant.
  if (!Number.isSafeInteger(value)) throw new EncodeError(`${value} is not an exact integer; give a bigint`)
  return BigInt(value)
}
