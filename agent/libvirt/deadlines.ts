// One timer for the deadlines of all calls. A timer per call would be set and cleared thousands of times a second,
// though hardly any expires. A call that ends early leaves its deadline here: when the timer fires, the callback
// `expire` checks which calls are still unsettled.

/** Longest delay of a Node timer. With a longer delay Node fires the timer at once. */
const longestMs = 2 ** 31 - 1

export class Deadlines {
  readonly #expire: (now: number) => number
  #timer: NodeJS.Timeout | undefined
  #next = Infinity

  /**
   * @param expire fails the calls whose deadline is at or before `now` (a time of `performance.now()`); returns the
   * earliest deadline of the remaining calls, or Infinity if there is none
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
    // `unref`: this timer must not keep the process running after its calls have ended. While a call waits, the open
    // socket keeps the process running.
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
