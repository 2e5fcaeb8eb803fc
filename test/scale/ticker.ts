/** The time that the caller of a Ticker needs between two ticks does not delay the next tick. */
import { setTimeout as delay } from 'node:timers/promises'

export class Ticker {
  readonly #ms: number
  #due: number

  constructor(ms: number) {
    this.#ms = ms
    this.#due = performance.now()
  }

  async nextTick(): Promise<void> {
    this.#due += this.#ms
    await delay(Math.max(0, this.#due - performance.now()))
  }
}
