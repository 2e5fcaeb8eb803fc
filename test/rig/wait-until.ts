// Waiting for a condition with a deadline: the only way the rig waits for anything.
import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  /** What is awaited, for the error message. */
  what: string
  /** Milliseconds until it is given up. */
  deadline?: number
  /** Milliseconds between two looks. */
  every?: number
  signal?: AbortSignal | undefined
}

/** Thrown by a look: what is awaited can no longer come. */
export class FatalError extends Error {}

/**
 * Asks `look` again and again until it gives something other than undefined or false, and returns that.
 * A Fatal error ends the wait at once; any other error thrown by `look` counts as "not yet"; the last one is the cause of the error at the deadline.
 */
export async function waitUntil<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  { what, deadline = 30_000, every = 20, signal }: WaitOptions,
): Promise<T> {
  const end = performance.now() + deadline
  let last: unknown
  for (;;) {
    signal?.throwIfAborted()
    try {
      const seen = await look()
      if (seen !== undefined && seen !== false) return seen
    } catch (error) {
      if (error instanceof FatalError) throw error
      last = error
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${deadline} ms`, { cause: last })
    await delay(every, undefined, signal ? { signal } : {})
  }
}
