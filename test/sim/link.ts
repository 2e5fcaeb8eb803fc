/** How a process calls the world outside: each call is on its way twice, there and back, and may fail on either. */
import { ApiError } from '../../kube/errors.ts'
import { callWithRetries } from '../../kube/retry.ts'
import { type Call, Life } from '../fakes/life.ts'
import type { Process } from './process.ts'

/** What befalls a call: `before` it takes effect, or `after` it has. */
export interface Mishap {
  when: 'before' | 'after'
  error: Error
}

export type Fate = (process: Process, call: Call) => Mishap | undefined

const TIMEOUT_MS = 30_000

export const unreachable = (request: string, message: string, code = 'ECONNRESET'): ApiError =>
  new ApiError({ request, status: 0, cause: Object.assign(new Error(message), { code }) })

/** To the API server, with the retries that the real transport makes. */
export class ApiLink extends Life {
  readonly #process: Process
  readonly #fate: Fate

  constructor(process: Process, fate: Fate) {
    super()
    this.#process = process
    this.#fate = fate
  }

  override pass<T>(call: Call, act: () => T | Promise<T>): Promise<T> {
    const { clock } = this.#process
    const { idempotent = false, signal, timeoutMs = TIMEOUT_MS } = call
    const deadline = clock.now() + timeoutMs
    return callWithRetries(() => this.once(call, act, deadline), {
      idempotent,
      deadline,
      signal,
      clock,
      wait: (ms) => clock.sleep(ms, signal),
    })
  }

  /** One request. */
  once<T>(call: Call, act: () => T | Promise<T>, deadline: number): Promise<T> {
    const process = this.#process
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (process.isDead) return promise
    const { name, signal } = call
    try {
      call.mayWrite?.()
    } catch (error) {
      return Promise.reject(error)
    }
    let ended = false
    const end = (settle: () => void): void => {
      if (ended) return
      ended = true
      cancel()
      signal?.removeEventListener('abort', abort)
      settle()
    }
    const abort = (): void => end(() => reject(signal?.reason))
    const late = (): void => end(() => reject(unreachable(name, 'no answer in time', 'ECONNRESET')))
    const cancel = process.clock.timer(deadline - process.clock.now(), late)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    const { lanes } = process.ground
    lanes.park(process.out, `${process.name}: ${name}`, () => {
      const mishap = this.#fate(process, call)
      const settle = arrive(mishap, act, resolve, reject)
      if (process.isDead || ended) return
      lanes.park(process.answers, `${process.name}: ${name} answered`, () => end(settle))
    })
    return promise
  }
}

/** The call takes effect, or not; answers what its caller will be told. */
function arrive<T>(
  mishap: Mishap | undefined,
  act: () => T | Promise<T>,
  resolve: (value: T | Promise<T>) => void,
  reject: (error: unknown) => void,
): () => void {
  if (mishap?.when === 'before') return () => reject(mishap.error)
  try {
    const value = act()
    // Its process may be dead by the time it fails.
    if (value instanceof Promise) value.catch(() => undefined)
    return mishap ? () => reject(mishap.error) : () => resolve(value)
  } catch (error) {
    return () => reject(mishap?.error ?? error)
  }
}

/** To the hypervisor of its host. libvirt ends what it was asked even when who asked is dead, but at once. */
export class HostLink extends Life {
  readonly #process: Process
  readonly #fate: Fate

  constructor(process: Process, fate: Fate) {
    super()
    this.#process = process
    this.#fate = fate
  }

  override pass<T>(call: Call, act: () => T | Promise<T>): Promise<T> {
    const process = this.#process
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (process.isDead) return promise
    const { lanes } = process.ground
    const label = `${process.name}: ${call.name}`
    lanes.park(process.answers, label, () => {
      const settle = arrive(this.#fate(process, call), act, resolve, reject)
      if (!process.isDead) lanes.park(process.answers, `${label} done`, settle)
    })
    return promise
  }
}
