// An AbortController that also aborts when a parent signal aborts. Declare it with `using`: the end of the scope then
// removes its listeners and its timer.

export interface AbortScope extends Disposable {
  /** Aborts when a parent aborts, when {@link abort} is called, or at the deadline. */
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

/**
 * AbortSignal.any() and AbortSignal.timeout() leave a listener or a timer behind at each call, and a process makes
 * millions of calls under one signal. At the deadline the reason is a `TimeoutError`, as with AbortSignal.timeout().
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

/** Rejects with the signal's reason as soon as `signal` aborts. The work behind `promise` is not stopped. */
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
