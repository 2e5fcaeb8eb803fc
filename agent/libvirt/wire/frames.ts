// Cuts a socket's byte stream into whole messages. Allocates memory only for bytes that have arrived, whatever length a
// message claims.
import { ProtocolError } from '../errors.ts'
import { headerLength, messageMax } from './header.ts'

/** Handles a whole message, length word included. The bytes are valid only until the function returns. */
export type TakeMessage = (bytes: Buffer, start: number, end: number) => void

/** A buffer of at most this many bytes is reused for the next incomplete message. A larger one is freed. */
const keptMax = 1 << 20

export class FrameSplitter {
  #store = Buffer.alloc(0)
  #held = 0

  /** Number of bytes of an incomplete message that have arrived. */
  get held(): number {
    return this.#held
  }

  /**
   * Copies the bytes of an incomplete message, so the caller may reuse `chunk`. Throws ProtocolError if a length word
   * is invalid.
   */
  push(chunk: Buffer, length: number, take: TakeMessage): void {
    let at = this.#held > 0 ? this.#completeHeld(chunk, length, take) : 0
    while (length - at >= 4) {
      const end = at + checkLength(chunk.readUInt32BE(at))
      if (end > length) break
      take(chunk, at, end)
      at = end
    }
    this.#keep(chunk, at, length)
  }

  #completeHeld(chunk: Buffer, length: number, take: TakeMessage): number {
    const at = Math.min(Math.max(4 - this.#held, 0), length)
    this.#keep(chunk, 0, at)
    if (this.#held < 4) return at
    const wanted = checkLength(this.#store.readUInt32BE(0))
    const end = Math.min(at + wanted - this.#held, length)
    this.#keep(chunk, at, end)
    if (this.#held < wanted) return end
    this.#held = 0
    const store = this.#store
    if (store.length > keptMax) this.#store = Buffer.alloc(0)
    take(store, 0, wanted)
    return end
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const held = this.#held + end - start
    if (held > this.#store.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#store.length, held))
      this.#store.copy(grown, 0, 0, this.#held)
      this.#store = grown
    }
    if (end > start) chunk.copy(this.#store, this.#held, start, end)
    this.#held = held
  }
}

function checkLength(length: number): number {
  if (length < headerLength) throw new ProtocolError(`a message of ${length} bytes has no room for its header`)
  if (length > messageMax + 4)
    throw new ProtocolError(`a message of ${length} bytes is over the limit of ${messageMax}`)
  return length
}
