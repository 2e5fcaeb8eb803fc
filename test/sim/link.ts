/**
 * Each call to the API server or the host is two messages, request and answer. It may fail before or after it has taken
 * effect.
 */
import { ApiError } from '../../kube/errors.ts'
import { callWithRetries } from '../../kube/retry.ts'
import { type Call, Life } from '../fakes/life.ts'
import type { Process } from './process.ts'

export interface InjectedFailure {
  when: 'before' | 'after'
  error: Error
}

/** undefined: the call does not fail. */
export type FailureOf = (process: Process, call: Call) => InjectedFailure | undefined

const TIMEOUT_MS = 30_000

export const connectionError = (request: string, message: string, code = 'ECONNRESET'): ApiError =>
  new ApiError({ request, status: 0, cause: Object.assign(new Error(message), { code }) })

/** Uses the same retries as the real client. */
export class ApiLink extends Life {
  readonly #process: Process
  readonly #failureOf: FailureOf

  constructor(process: Process, failureOf: FailureOf) {
    super()
    this.#process = process
    this.#failureOf = failureOf
  }

  override perform<T>(call: Call, act: () => T | Promise<T>): Promise<T> {
    const { clock } = this.#process
    const { idempotent = false, signal, timeoutMs = TIMEOUT_MS } = call
    const deadline = clock.now() + timeoutMs
    return callWithRetries(() => this.sendOnce(call, act, deadline), {
      idempotent,
      deadline,
      signal,
      clock,
      wait: (ms) => clock.sleep(ms, signal),
    })
  }

  /** Sends one request, without retries. */
  sendOnce<T>(call: Call, act: () => T | Promise<T>, deadline: number): Promise<T> {
    const process = this.#process
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (process.isDead) return promise
    const { name, signal } = call
    try {
      call.mayWrite?.()
    } catch (error) {
      return Promise.reject(error)
    }
    let isSettled = false
    const settleOnce = (settle: () => void): void => {
      if (isSettled) return
      isSettled = true
      cancelTimer()
      signal?.removeEventListener('abort', abort)
      settle()
    }
    const abort = (): void => settleOnce(() => reject(signal?.reason))
    const timeOut = (): void => settleOnce(() => reject(connectionError(name, 'no answer in time', 'ECONNRESET')))
    const cancelTimer = process.clock.timer(deadline - process.clock.now(), timeOut)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    const { schedule } = process.context
    schedule.enqueue(process.outgoing, `${process.name}: ${name}`, () => {
      const failure = this.#failureOf(process, call)
      const settle = runWithFailure(failure, act, resolve, reject)
      if (process.isDead || isSettled) return
      schedule.enqueue(process.answers, `${process.name}: ${name} answered`, () => settleOnce(settle))
    })
    return promise
  }
}

/**
 * Does not run the call if `failure` must occur before the call takes effect. Returns a function that settles the
 * caller's promise.
 */
function runWithFailure<T>(
  failure: InjectedFailure | undefined,
  act: () => T | Promise<T>,
  resolve: (value: T | Promise<T>) => void,
  reject: (error: unknown) => void,
): () => void {
  if (failure?.when === 'before') return () => reject(failure.error)
  try {
    const value = act()
    // If the process dies before it gets the answer, nothing handles an error of this promise. Without this handler,
    // Node.js would report an unhandled rejection.
    if (value instanceof Promise) value.catch(() => undefined)
    return failure ? () => reject(failure.error) : () => resolve(value)
  } catch (error) {
    return () => reject(failure?.error ?? error)
  }
}

/** Like a call to libvirtd, a call that has begun takes effect even if the process dies before it gets the answer. */
export class HostLink extends Life {
  readonly #process: Process
  readonly #failureOf: FailureOf

  constructor(process: Process, failureOf: FailureOf) {
    super()
    this.#process = process
    this.#failureOf = failureOf
  }

  override perform<T>(call: Call, act: () => T | Promise<T>): Promise<T> {
    const process = this.#process
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (process.isDead) return promise
    const { schedule } = process.context
    const label = `${process.name}: ${call.name}`
    schedule.enqueue(process.answers, label, () => {
      const settle = runWithFailure(this.#failureOf(process, call), act, resolve, reject)
      if (!process.isDead) schedule.enqueue(process.answers, `${label} done`, settle)
    })
    return promise
  }
}
