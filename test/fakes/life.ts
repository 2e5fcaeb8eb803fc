/**
 * One life of a process under test, from its start to its end. All calls of the process to the API server and to the
 * host pass through it, so that a test can count a call, make it fail, or kill the process at it.
 */

export interface Call {
  /** Method and object of the call, such as `define web-1` or `applyStatus servers/demo/web-1`. */
  name: string
  /**
   * Whether the call changes anything. Tests kill a process only at calls with an effect, because a crash at a read
   * adds no case.
   */
  hasEffect: boolean
  /** Whether a repetition of the call has no further effect. Set only for calls to the API server. */
  idempotent?: boolean
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
  /** Called before each attempt. Throws if the process may not write any more, because it has lost its lease. */
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
 * The error with which {@link Life.runUntilKilled} rejects when the life is killed. The killed process never sees it,
 * because its calls get no answer any more.
 */
export class Killed extends Error {
  override readonly name = 'Killed'
}

export class Life {
  /** Names of the calls with an effect so far, in order. */
  readonly effects: string[] = []
  readonly #faults: Fault[] = []
  readonly #death = Promise.withResolvers<never>()
  #kill: { at: number; when: When } | undefined
  #dead = false

  constructor() {
    // Without this handler a kill would be an unhandled rejection if the test does not wait for the end of this life.
    this.#death.promise.catch(() => undefined)
  }

  get isDead(): boolean {
    return this.#dead
  }

  /**
   * Simulates kill -9 right before or right after one of the calls with an effect. The first such call has the number
   * 0.
   */
  killAt(at: number, when: When): this {
    this.#kill = { at, when }
    return this
  }

  /** Makes the next `times` calls whose name begins with `name` throw `error`, before or after they take effect. */
  fail(name: string, error: Error, { when = 'before', times = 1 }: { when?: When; times?: number } = {}): this {
    this.#faults.push({ matches: (call) => call.name.startsWith(name), when, error, times })
    return this
  }

  /**
   * Makes one of the calls with an effect throw `error`, before or after it takes effect. The first such call has the
   * number 0.
   */
  failAt(at: number, error: Error, when: When): this {
    const matches = ({ hasEffect: effect }: Call): boolean => effect && this.effects.length - 1 === at
    this.#faults.push({ matches, when, error, times: 1 })
    return this
  }

  /**
   * Waits for `work`, which belongs to this life. Rejects with Killed if the life is killed, because the calls of
   * `work` then never end.
   */
  runUntilKilled<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#death.promise])
  }

  /**
   * Makes a call of this life. Applies the faults and the kill that the test has planned, and records the name of a
   * call with an effect.
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

/** Returns a promise that never settles, because a dead process gets no answers. */
const neverSettle = <T>(): Promise<T> => new Promise<T>(() => undefined)
