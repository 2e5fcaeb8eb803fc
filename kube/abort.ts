// An AbortController under parent signals for the length of a scope: `using` removes its listeners and its timer again.

export interface AbortScope extends Disposable {
  /** Aborts with a parent, with {@link abort}, or at the deadline. */
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

/**
 * Replaces AbortSignal.any() and AbortSignal.timeout(), which leave a listener or a timer behind for each call: a
 * process makes millions of calls under one signal. At the deadline the reason is a `TimeoutError`, as with
 * AbortSignal.timeout().
 */
export function createAbortScope(parents: readonly (AbortSignal | undefined)[], timeoutMs?: number): AbortScope {
  const controller = new AbortController()
  const { signal } = controller
  const links = parents.filter((parent) => parent !== undefined)
  const abort = (reason?: unknown): void => controller.abort(reason)
  const onParentAbort = (event: globalThis.Event): void => abort((event.target as AbortSignal).reason)
  for (const parent of links) {
    if (parent.aborted) abort(parent.reason)
    else parent.addEventListener('abort', onParentAbort, { once: true })
  }
  const onDeadline = (): void => abort(new DOMException(`not done in ${timeoutMs} ms`, 'TimeoutError'))
  const timer = timeoutMs === undefined ? undefined : setTimeout(onDeadline, Math.max(0, timeoutMs)).unref()
  return {
    signal,
    abort,
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const parent of links) parent.removeEventListener('abort', onParentAbort)
    },
  }
}

/**
 * Waits for `promise`, or rejects with the signal's reason as soon as `signal` aborts. The work behind `promise` goes
 * on.
 */
export async function rejectOnAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
