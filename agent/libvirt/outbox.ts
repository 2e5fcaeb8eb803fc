// What goes to the daemon: messages are written one behind the other and handed to the socket together, at the end of the
// turn in which they came up. Four calls at once, or the calls that follow on a bunch of replies, cost one system call.
import { XdrWriter } from './wire/writer.ts'

/** Up to here copying the bytes is cheaper than new memory for what comes next. */
const copyMax = 16_384

export class Outbox {
  readonly #write: (bytes: Buffer) => void
  readonly #flush = () => this.flush()
  #writer = new XdrWriter(4096)
  #due = false

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  /** Where to append whole messages; to be followed by `due` or by taking them back. */
  get writer(): XdrWriter {
    return this.#writer
  }

  /** Something was appended: it goes with the next `flush`, which comes by itself after what runs now. */
  due(): void {
    if (this.#due) return
    this.#due = true
    queueMicrotask(this.#flush)
  }

  flush(): void {
    this.#due = false
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
