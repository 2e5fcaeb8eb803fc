/** A semaphore: at most `count` holders at a time, and those that wait get a slot in the order in which they came. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves when the caller has a slot. Give it back with {@link release}. */
  async acquire(): Promise<void> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free += 1
  }

  /** Gives the caller's slot back while `wait` runs, and acquires a slot again afterwards. */
  async withSlotReleased<T>(wait: () => Promise<T>): Promise<T> {
    this.release()
    try {
      return await wait()
    } finally {
      await this.acquire()
    }
  }
}
