// Writes the messages of one turn of the event loop to the socket together, so that simultaneous calls cost only one
// system call.
import { XdrWriter } from './wire/writer.ts'

/** Bytes up to which a copy is cheaper than a new writer. */
const copyMax = 16_384

export class Outbox {
  readonly #write: (bytes: Buffer) => void
  readonly #flush = () => this.flush()
  #writer = new XdrWriter(4096)
  #isScheduled = false

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  /** After appending whole messages, a caller must either call `scheduleFlush` or remove the messages again. */
  get writer(): XdrWriter {
    return this.#writer
  }

  scheduleFlush(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.#flush)
  }

  flush(): void {
    this.#isScheduled = false
    const { length } = this.#writer
    if (length === 0) return
    const bytes = this.#writer.bytes()
    if (length > copyMax) {
      this.#writer = new XdrWriter(4096)
      this.#write(bytes)
    } else {
      this.#writer.truncate(0)
      this.#write(Buffer.from(bytes))
    }
  }
}
