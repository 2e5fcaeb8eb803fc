// One timer for the deadlines of all calls, because a timer for each call would be set and cleared thousands of times a
// second. When the timer fires, `expire` looks for calls whose deadline has passed.

/** The longest delay of a Node timer. Node fires a timer with a longer delay at once. */
const longestMs = 2 ** 31 - 1

export class Deadlines {
  readonly #expire: (now: number) => number
  #timer: NodeJS.Timeout | undefined
  #next = Infinity

  /**
   * @param expire called when the timer fires; `now` is a time of `performance.now()`. It must fail the calls whose
   * deadline is at or before `now`, and return the earliest deadline of the remaining calls, or Infinity if there is
   * none.
   */
  constructor(expire: (now: number) => number) {
    this.#expire = expire
  }

  /** Makes the timer fire at this deadline, unless it is already set to fire earlier. */
  add(deadline: number): void {
    if (deadline >= this.#next) return
    this.stop()
    this.#next = deadline
    const wait = Math.min(Math.max(1, Math.ceil(deadline - performance.now())), longestMs)
    // `unref`: the timer alone must not keep the process running. While a call waits, the open socket keeps it running.
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
