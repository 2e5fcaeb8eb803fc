// One timer for the deadlines of all calls, because a timer for each call would be set and cleared thousands of times a
// second.

/** Node fires a timer with a longer delay at once. */
const longestMs = 2 ** 31 - 1

export class Deadlines {
  readonly #expire: (now: number) => number
  #timer: NodeJS.Timeout | undefined
  #next = Infinity

  /**
   * @param expire must fail the calls whose deadline is at or before `now`, a time of `performance.now()`, and return
   * the earliest remaining deadline, or Infinity if there is none
   */
  constructor(expire: (now: number) => number) {
    this.#expire = expire
  }

  add(deadline: number): void {
    if (deadline >= this.#next) return
    this.stop()
    this.#next = deadline
    const wait = Math.min(Math.max(1, Math.ceil(deadline - performance.now())), longestMs)
    // The timer alone must not keep the process running. While a call waits, the open socket does.
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
