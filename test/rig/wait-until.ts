// All waiting in tests with real processes is done by waitUntil().
import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  /** Describes the condition in the error message. */
  what: string
  /** Time limit in milliseconds; default 30 seconds. */
  deadline?: number
  /** Milliseconds between two checks; default 20. */
  every?: number
  signal?: AbortSignal | undefined
}

/** A check throws this error if the condition cannot become true any more. The wait then ends at once. */
export class FatalError extends Error {}

/**
 * Resolves to the first value of `check` that is not undefined or false. After an error other than FatalError, the wait
 * goes on. At the deadline, rejects with an error whose cause is the last error of `check`.
 */
export async function waitUntil<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { what, deadline = 30_000, every = 20, signal }: WaitOptions,
): Promise<T> {
  const end = performance.now() + deadline
  let lastError: unknown
  for (;;) {
    signal?.throwIfAborted()
    try {
      const result = await check()
      if (result !== undefined && result !== false) return result
    } catch (error) {
      if (error instanceof FatalError) throw error
      lastError = error
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${deadline} ms`, { cause: lastError })
    await delay(every, undefined, signal ? { signal } : {})
  }
}

/**
 * Resolves to the first object from `read` for which `isSo` is true. At the deadline, rejects with an error that has
 * the last status.
 */
export async function waitForStatus<T extends { status?: unknown }>(
  read: () => Promise<T>,
  isSo: (object: T) => boolean,
  options: WaitOptions,
): Promise<T> {
  let last: T | undefined
  const check = async (): Promise<T | undefined> => {
    last = await read()
    return isSo(last) ? last : undefined
  }
  try {
    return await waitUntil(check, options)
  } catch (error) {
    throw new Error(`${options.what}: it is ${JSON.stringify(last?.status, undefined, 1)}`, { cause: error })
  }
}
