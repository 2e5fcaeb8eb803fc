// One timer for any number of deadlines. A timer per call would be set and cleared thousands of times a second, though
// hardly any expires. So a call that ends early leaves its deadline here; when the timer fires, `expire` looks at the
// calls left.

/** Longest delay of a Node timer; with a longer one it would fire at once. */
const longestMs = 2 ** 31 - 1

export class Deadlines {
  readonly #expire: (now: number) => number
  #timer: NodeJS.Timeout | undefined
  #next = Infinity

  /**
   * `expire` fails the calls whose deadline is at or before `now` (as of `performance.now()`) and returns the earliest
   * deadline left, or Infinity.
   */
  constructor(expire: (now: number) => number) {
    this.#expire = expire
  }

  /** Makes sure that the timer fires at this deadline or earlier. */
  add(deadline: number): void {
    if (deadline >= this.#next) return
    this.stop()
    this.#next = deadline
    const wait = Math.min(Math.max(1, Math.ceil(deadline - performance.now())), longestMs)
    // Unref: the timer may outlive the calls, and while a call waits, its socket keeps the process running.
    this.#timer = setTimeout(() => this.#fire(), wait).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#next = Infinity
  }

  #fire(): void {
    this.#next = Infinity
    this.add(this.#expire(performance.now()))
  }
}
