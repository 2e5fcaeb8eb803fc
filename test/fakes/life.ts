/**
 * A life is one run of a process under test, from its start to its end. All calls of the process to the API server and
 * the host pass through its life. So a test can count a call, make it fail, or kill the process at it.
 */

export interface Call {
  /** Method and object of the call, such as `define web-1` or `applyStatus servers/demo/web-1`. */
  name: string
  /** Whether the call changes anything. Tests kill a process only at such calls; a crash at a read adds no new case. */
  hasEffect: boolean
  /** True if repeating the call has no further effect. Set only for calls to the API server. */
  idempotent?: boolean
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
  /** Called before each attempt. Throws if the process may no longer write, because it has lost its lease. */
  mayWrite?: (() => void) | undefined
}

export type When = 'before' | 'after'

interface Fault {
  matches(call: Call): boolean
  when: When
  error: Error | undefined
  times: number
}

/**
 * {@link Life.runUntilKilled} rejects with this error when the life is killed. The killed process never sees it,
 * because its calls no longer get an answer.
 */
export class Killed extends Error {
  override readonly name = 'Killed'
}

export class Life {
  /** Names of the calls with an effect so far. */
  readonly effects: string[] = []
  readonly #faults: Fault[] = []
  readonly #death = Promise.withResolvers<never>()
  #kill: { at: number; when: When } | undefined
  #dead = false

  constructor() {
    // A kill rejects this promise. Only runUntilKilled() handles the rejection, and a test may never call it. Without
    // this handler, Node.js would then report an unhandled rejection.
    this.#death.promise.catch(() => undefined)
  }

  get isDead(): boolean {
    return this.#dead
  }

  /**
   * Simulates kill -9 right before or right after the call with the number `at`. Only calls that have an effect are
   * counted; the first of them has the number 0.
   */
  killAt(at: number, when: When): this {
    this.#kill = { at, when }
    return this
  }

  /** Makes the next `times` calls whose names begin with `name` throw `error`, before or after their effect. */
  fail(name: string, error: Error, { when = 'before', times = 1 }: { when?: When; times?: number } = {}): this {
    this.#faults.push({ matches: (call) => call.name.startsWith(name), when, error, times })
    return this
  }

  /**
   * Makes the call with the number `at` throw `error`, before or after its effect. Only calls that have an effect are
   * counted; the first of them has the number 0.
   */
  failAt(at: number, error: Error, when: When): this {
    const matches = ({ hasEffect: effect }: Call): boolean => effect && this.effects.length - 1 === at
    this.#faults.push({ matches, when, error, times: 1 })
    return this
  }

  /**
   * Waits for `work`, whose calls pass through this life. After a kill these calls never settle, so `work` does not
   * settle either. This method then rejects with Killed, so that the test need not wait for ever.
   */
  runUntilKilled<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#death.promise])
  }

  /**
   * Makes a call. Applies the faults and the kill that the test has planned. Records the names of calls with an effect.
   */
  async perform<T>(call: Call, run: () => T | Promise<T>): Promise<T> {
    if (this.#dead) return neverSettle()
    const number = call.hasEffect ? this.effects.push(call.name) - 1 : -1
    const fault = this.#faults.find((f) => f.times > 0 && f.matches(call))
    if (fault) fault.times -= 1
    const dies = (when: When): boolean => this.#kill?.at === number && this.#kill.when === when
    if (dies('before')) return this.#kill9(call)
    if (fault?.when === 'before') throw fault.error
    const result = await run()
    if (dies('after')) return this.#kill9(call)
    if (this.#dead) return neverSettle()
    if (fault) throw fault.error
    return result
  }

  #kill9<T>({ name }: Call): Promise<T> {
    this.#dead = true
    this.#death.reject(new Killed(`killed at ${name}`))
    return neverSettle()
  }
}

/** A dead process gets no answers, so its calls never settle. */
const neverSettle = <T>(): Promise<T> => new Promise<T>(() => undefined)
