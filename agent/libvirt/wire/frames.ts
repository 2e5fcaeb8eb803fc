// Cuts the bytes of a socket into whole messages. Holds only bytes that have arrived, whatever length was announced.
import { ProtocolError } from '../errors.ts'
import { headerLength, messageMax } from './header.ts'

export class FrameSplitter {
  #chunks: Buffer[] = []
  #held = 0
  /** Length of the message that is arriving; 0 as long as its first four bytes are not complete. */
  #wanted = 0

  /** Bytes of a message that is not complete yet. */
  get held(): number {
    return this.#held
  }

  /** Takes what arrived and yields each message that is now complete. Throws ProtocolError for an impossible length. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    for (;;) {
      if (this.#wanted === 0) {
        if (this.#held < 4) return
        this.#wanted = checkLength(this.#peekLength())
      }
      if (this.#held < this.#wanted) return
      const length = this.#wanted
      this.#wanted = 0
      yield this.#cut(length)
    }
  }

  #peekLength(): number {
    const first = this.#chunks[0]
    if (first && first.length >= 4) return first.readUInt32BE(0)
    const joined = Buffer.concat(this.#chunks)
    this.#chunks = [joined]
    return joined.readUInt32BE(0)
  }

  #cut(length: number): Buffer {
    const [first] = this.#chunks
    // The usual case, a chunk that holds whole messages, is cut without copying.
    const bytes = first && first.length >= length ? first : Buffer.concat(this.#chunks)
    if (bytes !== first) this.#chunks = [bytes]
    if (bytes.length === length) this.#chunks.shift()
    else this.#chunks[0] = bytes.subarray(length)
    this.#held -= length
    return bytes.subarray(0, length)
  }
}

function checkLength(length: number): number {
  if (length < headerLength) throw new ProtocolError(`a message of ${length} bytes has no room for its header`)
  if (length > messageMax + 4)
    throw new ProtocolError(`a message of ${length} bytes is over the limit of ${messageMax}`)
  return length
}
