// One timer for any number of deadlines. A timer for each call would be made and cleared thousands of times a second, though
// hardly any ever rings; so what ended early is forgotten only when the one timer rings, and looks at what is left.

/** Most that a Node timer waits; above it, it would ring at once. */
const longestMs = 2 ** 31 - 1

export class Deadlines {
  readonly #expire: (now: number) => number
  #timer: NodeJS.Timeout | undefined
  #next = Infinity

  /** `expire` ends what is due at `now` (of `performance.now()`) and gives the earliest deadline left; Infinity: none. */
  constructor(expire: (now: number) => number) {
    this.#expire = expire
  }

  /** There is a deadline at that time. */
  add(deadline: number): void {
    if (deadline >= this.#next) return
    this.stop()
    this.#next = deadline
    const wait = Math.min(Math.max(1, Math.ceil(deadline - performance.now())), longestMs)
    // It may still run when nothing waits any more; what waits holds the process by its socket.
    this.#timer = setTimeout(() => this.#ring(), wait).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#next = Infinity
  }

  #ring(): void {
    this.#next = Infinity
    this.add(this.#expire(performance.now()))
  }
}
