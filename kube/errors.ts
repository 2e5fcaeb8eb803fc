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
 * `status` is the HTTP status, or 0 if there was no answer; then `cause` is the error of the connection. `reason` is
 * that of Kubernetes (`NotFound`, `Conflict`, `Expired`, …). `details` names the fields that validation rejected.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code = 'kube.api'
  readonly status: number
  readonly reason: string
  readonly details: Status['details'] | undefined
  /** The wait that the server asks for: the header Retry-After, else `details.retryAfterSeconds`. */
  readonly retryAfterMs: number | undefined
  readonly request: string

  constructor(init: {
    request: string
    status: number
    body?: Status | undefined
    retryAfterMs?: number | undefined
    cause?: unknown
  }) {
    const { request, status, body, cause } = init
    const message = body?.message ?? (cause instanceof Error ? cause.message : `HTTP ${status}`)
    super(`${request}: ${message}`, { cause })
    this.request = request
    this.status = status
    this.reason = body?.reason ?? (status === 0 ? 'Unreachable' : '')
    this.details = body?.details
    const seconds = body?.details?.retryAfterSeconds
    this.retryAfterMs = init.retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000)
  }
}

/** The write was not sent, because `mayWrite` (fence.ts) threw: this process may no longer be the leader. */
export class FencedWriteError extends Error {
  override readonly name = 'FencedWriteError'
}

const isApiErrorWith = (error: unknown, test: (e: ApiError) => boolean): boolean =>
  error instanceof ApiError && test(error)

export const isNotFound = (error: unknown): boolean => isApiErrorWith(error, (e) => e.status === 404)
/**
 * Causes of a 409: the resourceVersion is outdated, another manager owns a field (apply without force), or an object
 * with this name exists (create).
 */
export const isConflict = (error: unknown): boolean => isApiErrorWith(error, (e) => e.status === 409)
export const isAlreadyExists = (error: unknown): boolean =>
  isApiErrorWith(error, (e) => e.status === 409 && e.reason === 'AlreadyExists')
/** The resourceVersion or the continue token has expired, so the caller must list again. */
export const isGone = (error: unknown): boolean =>
  isApiErrorWith(error, (e) => e.status === 410 || e.reason === 'Expired' || e.reason === 'Gone')
export const isForbidden = (error: unknown): boolean => isApiErrorWith(error, (e) => e.status === 403)
/** The object was not created, because its namespace is being deleted. No later call creates it. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  isApiErrorWith(
    error,
    (e) => e.status === 403 && (e.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating'),
  )
/**
 * The object has changed since it was read, or has been deleted and created again with another uid. The API server
 * answers 409, or rejects the field `metadata.uid`.
 */
export const isConflictOrUidMismatch = (error: unknown): boolean =>
  isApiErrorWith(
    error,
    (e) => e.status === 409 || (e.details?.causes ?? []).some(({ field }) => field === 'metadata.uid'),
  )
/** The CustomResourceDefinition is missing, or has another version. */
export const isKindMissing = (error: unknown): boolean =>
  isApiErrorWith(error, (e) => e.status === 404 && e.details?.name === undefined)
export const isTransient = (error: unknown): boolean =>
  isApiErrorWith(error, (e) => e.status === 0 || e.status === 429 || e.status >= 500)

export async function ignoreNotFound<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Describes in one sentence why a call of the API server failed, and what to do about it. */
export function describeFailure(error: unknown): string {
  if (isForbidden(error)) return 'the API server denies access: give the account of this program the role for the call'
  if (isKindMissing(error)) return 'the API server does not know the kind: apply its CustomResourceDefinition'
  return 'the API server is unavailable, or has rejected the call'
}
