/** So many at a time, first come, first served; who only waits for something steps aside for others meanwhile. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves when there is a place; give it back by {@link give}. */
  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free += 1
  }

  /** `wait` without the place that its caller has, and has again after it. */
  async aside<T>(wait: () => Promise<T>): Promise<T> {
    this.give()
    try {
      return await wait()
    } finally {
      await this.take()
    }
  }
}
