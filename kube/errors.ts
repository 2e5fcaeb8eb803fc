// What a call of the API server can fail with: one class, and the questions callers ask of it.

/** A `Status` object's body, as the API server sends it with a failure. */
export interface Status {
  kind?: string
  message?: string
  reason?: string
  code?: number
  details?: {
    name?: string
    kind?: string
    retryAfterSeconds?: number
    causes?: { reason?: string; message?: string; field?: string }[]
  }
}

/**
 * A failed call. `status` is the HTTP status, or 0 when no answer came (then `cause` is the transport's error);
 * `reason` is Kubernetes' (`NotFound`, `Conflict`, `Expired`, …); `details` names the fields a validation refused.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code = 'kube.api'
  readonly status: number
  readonly reason: string
  readonly details: Status['details'] | undefined
  /** From Retry-After, or `details.retryAfterSeconds`. */
  readonly retryAfterMs: number | undefined
  /** `GET /apis/…`, to tell which call it was. */
  readonly request: string

  constructor(init: {
    request: string
    status: number
    body?: Status | undefined
    retryAfterMs?: number | undefined
    cause?: unknown
  }) {
    const { request, status, body, cause } = init
    const why = body?.message ?? (cause instanceof Error ? cause.message : `HTTP ${status}`)
    super(`${request}: ${why}`, { cause })
    this.request = request
    this.status = status
    this.reason = body?.reason ?? (status === 0 ? 'Unreachable' : '')
    this.details = body?.details
    const seconds = body?.details?.retryAfterSeconds
    this.retryAfterMs = init.retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000)
  }
}

/** A call that was held back by its `mayWrite`. */
export class FencedWriteError extends Error {
  override readonly name = 'NotWritten'
}

const isApiErrorThat = (error: unknown, test: (e: ApiError) => boolean): boolean =>
  error instanceof ApiError && test(error)

export const isNotFound = (error: unknown): boolean => isApiErrorThat(error, (e) => e.status === 404)
/** Someone else wrote first (resourceVersion), or owns a field (server-side apply without force), or a name is taken. */
export const isConflict = (error: unknown): boolean => isApiErrorThat(error, (e) => e.status === 409)
export const isAlreadyExists = (error: unknown): boolean =>
  isApiErrorThat(error, (e) => e.status === 409 && e.reason === 'AlreadyExists')
/** The resourceVersion or continue token is too old: list again. */
export const isGone = (error: unknown): boolean =>
  isApiErrorThat(error, (e) => e.status === 410 || e.reason === 'Expired' || e.reason === 'Gone')
export const isForbidden = (error: unknown): boolean => isApiErrorThat(error, (e) => e.status === 403)
/** Refused by schema, CEL or an admission policy: will be refused again. @public */
export const isInvalid = (error: unknown): boolean => isApiErrorThat(error, (e) => e.status === 422 || e.status === 400)
/** What was written names a uid, and the object of that name is another: deleted and made anew, or gone. */
export const isUidMismatch = (error: unknown): boolean =>
  isApiErrorThat(
    error,
    (e) => e.status === 409 || (e.details?.causes ?? []).some(({ field }) => field === 'metadata.uid'),
  )
/** The server is busy, restarting or out of reach: the same call may succeed later. */
export const isTransient = (error: unknown): boolean =>
  isApiErrorThat(error, (e) => e.status === 0 || e.status === 429 || e.status >= 500)

/** Waits for `promise`; answers undefined in place of 404. */
export async function ignoreNotFound<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}
