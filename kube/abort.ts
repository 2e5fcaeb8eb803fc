// An AbortController under a parent signal, for as long as a scope lasts: `using` takes its listener and timer away again.

export interface AbortScope extends Disposable {
  /** Aborts with the parent, with {@link abort}, or at the deadline. */
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

/**
 * In place of AbortSignal.any() and AbortSignal.timeout(), which leave something with the parent, or a timer, behind for each call: a
 * process makes millions of calls under one signal. The deadline's reason is a `TimeoutError`, as AbortSignal.timeout() has it.
 */
export function createAbortScope(parents: readonly (AbortSignal | undefined)[], timeoutMs?: number): AbortScope {
  const controller = new AbortController()
  const { signal } = controller
  const links = parents.filter((parent) => parent !== undefined)
  const abort = (reason?: unknown): void => controller.abort(reason)
  const onParent = (event: globalThis.Event): void => abort((event.target as AbortSignal).reason)
  for (const parent of links) {
    if (parent.aborted) abort(parent.reason)
    else parent.addEventListener('abort', onParent, { once: true })
  }
  const late = (): void => abort(new DOMException(`not done in ${timeoutMs} ms`, 'TimeoutError'))
  const timer = timeoutMs === undefined ? undefined : setTimeout(late, Math.max(0, timeoutMs)).unref()
  return {
    signal,
    abort,
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const parent of links) parent.removeEventListener('abort', onParent)
    },
  }
}

/** Waits for `promise` no longer than until `signal` aborts, and then throws its reason; what it waited for goes on. */
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
