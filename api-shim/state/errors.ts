import { isKubenovaError } from '../../crds/errors.ts'
import { ApiError } from '../../kube/errors.ts'
import { Fault, newInternalError } from '../http/fault.ts'

const RETRY_AFTER_SECONDS = '1'

const statusOfKind = { Refused: 409, NotFound: 404, Transient: 503, Terminal: 500, Bug: 500 } as const

/** The fault for any error. An error without a translation is a 500, whose text reveals nothing. */
export function faultFromError(error: unknown): Fault {
  if (error instanceof Fault) return error
  if (error instanceof ApiError) return faultFromApiError(error)
  if (isKubenovaError(error)) {
    const status = statusOfKind[error.kind]
    if (status !== 500) return new Fault(status, error.message, retryHeaders(status), error)
  }
  return newInternalError(error)
}

const passedOn: Readonly<Record<number, number>> = { 400: 400, 403: 403, 404: 404, 409: 409, 413: 413, 422: 400 }

function faultFromApiError(error: ApiError): Fault {
  const status = passedOn[error.status]
  if (status !== undefined) return new Fault(status, reasonsOf(error), {}, error)
  if (error.status === 0 || error.status === 429 || error.status >= 500)
    return new Fault(503, 'The Kubernetes API server is not available.', retryHeaders(503), error)
  return newInternalError(error)
}

const retryHeaders = (status: number): Record<string, string> =>
  status === 503 ? { 'retry-after': RETRY_AFTER_SECONDS } : {}

function reasonsOf({ details, message, request }: ApiError): string {
  const causes = (details?.causes ?? []).map(({ field, message: text }) => [field, text].filter(Boolean).join(': '))
  return causes.length > 0 ? causes.join('; ') : message.replace(`${request}: `, '')
}

export async function rethrowAsFault<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw faultFromError(error)
  }
}

/** Ignores that the object is gone: another request has deleted it. */
export async function ignoreGone(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!(error instanceof Fault) || error.status !== 404) throw error
  }
}
