// Collects the messages to the daemon and writes them to the socket together at the end of the event loop's turn. So
// four calls at once, or the calls that follow on several replies, cost one system call.
import { XdrWriter } from './wire/writer.ts'

/** Up to this size, copying the bytes is cheaper than allocating a new buffer. */
const copyMax = 16_384

export class Outbox {
  readonly #write: (bytes: Buffer) => void
  readonly #flush = () => this.flush()
  #writer = new XdrWriter(4096)
  #isScheduled = false

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  /** For appending whole messages. The caller then calls `scheduleFlush`, or truncates them again. */
  get writer(): XdrWriter {
    return this.#writer
  }

  /** Schedules a flush for the end of the current turn. */
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
