// Collects messages to the daemon and writes them to the socket together, in a microtask. So simultaneous calls cost
// only one system call.
import { XdrWriter } from './wire/writer.ts'

/**
 * If the messages have at most this many bytes, a flush copies them and reuses the writer. That is cheaper than a new
 * writer.
 */
const copyMax = 16_384

export class Outbox {
  readonly #write: (bytes: Buffer) => void
  readonly #flush = () => this.flush()
  #writer = new XdrWriter(4096)
  #isScheduled = false

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  /**
   * The writer to which callers append whole messages. After appending, a caller must either call `scheduleFlush` or
   * remove the message again.
   */
  get writer(): XdrWriter {
    return this.#writer
  }

  /** Schedules a flush as a microtask, that is, after the code that runs now. */
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
