/** Ticks at a steady pace, however long what is done in between takes. */
import { setTimeout as delay } from 'node:timers/promises'

export class Every {
  readonly #ms: number
  #due: number

  constructor(ms: number) {
    this.#ms = ms
    this.#due = performance.now()
  }

  async next(): Promise<void> {
    this.#due += this.#ms
    await delay(Math.max(0, this.#due - performance.now()))
  }
}
