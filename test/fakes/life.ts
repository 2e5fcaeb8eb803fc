/** One life of a process, for tests: each call it makes of the world outside can be counted, made to fail, or be its last. */

export interface Call {
  /** Such as `define web-1` or `applyStatus servers/demo/web-1`. */
  name: string
  /** Does it change anything? Only these are worth a crash: before or after a read is after or before an effect. */
  effect: boolean
  /** Repeating it has the effect of once; only calls of the API server say so. */
  idempotent?: boolean
  /** As the caller bounds it. */
  signal?: AbortSignal | undefined
  timeoutMs?: number | undefined
  /** Asked before each sending; throws. */
  mayWrite?: (() => void) | undefined
}

export type When = 'before' | 'after'

interface Fault {
  matches(call: Call): boolean
  when: When
  error: Error | undefined
  times: number
}

/** `killed` is the end of a life as the one who started it sees it; the life itself sees nothing any more. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

export class Life {
  /** Names of the effects so far, in order. */
  readonly effects: string[] = []
  readonly #faults: Fault[] = []
  readonly #death = Promise.withResolvers<never>()
  #kill: { at: number; when: When } | undefined
  #dead = false

  constructor() {
    this.#death.promise.catch(() => undefined) // a life that nobody watches
  }

  get isDead(): boolean {
    return this.#dead
  }

  /** kill -9 right before or after effect number `at` (0, 1, …). */
  killAt(at: number, when: When): this {
    this.#kill = { at, when }
    return this
  }

  /** The next `times` calls whose name begins with `name` throw `error`, before they take effect or after they have. */
  fail(name: string, error: Error, { when = 'before', times = 1 }: { when?: When; times?: number } = {}): this {
    this.#faults.push({ matches: (call) => call.name.startsWith(name), when, error, times })
    return this
  }

  /** Effect number `at` throws `error`. */
  failAt(at: number, error: Error, when: When): this {
    const matches = ({ effect }: Call): boolean => effect && this.effects.length - 1 === at
    this.#faults.push({ matches, when, error, times: 1 })
    return this
  }

  /** Runs `work` as this life. Rejects with Killed when it is killed: what it awaits then never comes. */
  live<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#death.promise])
  }

  /** Every call of the world goes through here. */
  async pass<T>(call: Call, act: () => T | Promise<T>): Promise<T> {
    if (this.#dead) return hang()
    const number = call.effect ? this.effects.push(call.name) - 1 : -1
    const fault = this.#faults.find((f) => f.times > 0 && f.matches(call))
    if (fault) fault.times -= 1
    const dies = (when: When): boolean => this.#kill?.at === number && this.#kill.when === when
    if (dies('before')) return this.#die(call)
    if (fault?.when === 'before') throw fault.error
    const result = await act()
    if (dies('after')) return this.#die(call)
    if (this.#dead) return hang()
    if (fault) throw fault.error
    return result
  }

  #die<T>({ name }: Call): Promise<T> {
    this.#dead = true
    this.#death.reject(new Killed(`killed at ${name}`))
    return hang()
  }
}

/** The dead get no answers. */
const hang = <T>(): Promise<T> => new Promise<T>(() => undefined)
