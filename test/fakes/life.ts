/**
 * A life is one run of a process under test. All calls of the process to API server and host pass through it, so that a
 * test can count them, make them fail, or kill the process.
 */

export interface Call {
  /** Method and object, such as `define web-1` or `applyStatus servers/demo/web-1`. */
  name: string
  /** Tests kill a process only at calls with an effect, because a crash at a read adds no new case. */
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
 * {@link Life.runUntilKilled} rejects with this error after a kill. The killed process never sees it, because its calls
 * get no answer.
 */
export class Killed extends Error {
  override readonly name = 'Killed'
}

export class Life {
  readonly effects: string[] = []
  readonly #faults: Fault[] = []
  readonly #death = Promise.withResolvers<never>()
  #kill: { at: number; when: When } | undefined
  #dead = false

  constructor() {
    // Only runUntilKilled() handles the rejection after a kill, and a test may never call it. Without this handler,
    // Node.js would report an unhandled rejection.
    this.#death.promise.catch(() => undefined)
  }

  get isDead(): boolean {
    return this.#dead
  }

  /** Simulates kill -9 before or after the call number `at`. Only calls with an effect are counted, from 0. */
  killAt(at: number, when: When): this {
    this.#kill = { at, when }
    return this
  }

  fail(name: string, error: Error, { when = 'before', times = 1 }: { when?: When; times?: number } = {}): this {
    this.#faults.push({ matches: (call) => call.name.startsWith(name), when, error, times })
    return this
  }

  /**
   * Makes the call number `at` throw `error`, before or after its effect. Only calls with an effect are counted, from
   * 0.
   */
  failAt(at: number, error: Error, when: When): this {
    const matches = ({ hasEffect: effect }: Call): boolean => effect && this.effects.length - 1 === at
    this.#faults.push({ matches, when, error, times: 1 })
    return this
  }

  /**
   * After a kill the calls in `work` never settle, so `work` does not settle either. This method then rejects with
   * Killed.
   */
  runUntilKilled<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#death.promise])
  }

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

const neverSettle = <T>(): Promise<T> => new Promise<T>(() => undefined)
