/**
 * Nova's name for the fault of each status. The name is the only key of the fault's body. All other statuses have the
 * name `computeFault`.
 */
const faultNames: Readonly<Record<number, string>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}

export class Fault extends Error {
  override readonly name = 'Fault'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super(message, { cause })
    this.status = status
    this.headers = headers
  }
}

/** Whether the request was refused, so that nothing has been done. After any other error, it may have been done. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Fault && error.status >= 400 && error.status < 500

export const newBadRequest = (message: string): Fault => new Fault(400, message)
export const newForbidden = (message: string): Fault => new Fault(403, message)
export const newConflict = (message: string): Fault => new Fault(409, message)
export const newNotFound = (message = 'The resource could not be found.'): Fault => new Fault(404, message)
export const newGone = (): Fault =>
  new Fault(410, 'This resource is no longer available. No forwarding address is given.')
export const newNotImplemented = (message: string): Fault => new Fault(501, message)
export const newUnsupportedMediaType = (): Fault => new Fault(415, 'Unsupported Content-Type')
/** The client should send the request again after so many seconds. */
export const newOverloaded = (message: string, seconds: number): Fault =>
  new Fault(503, message, { 'retry-after': String(seconds) })
export const newInternalError = (cause: unknown): Fault =>
  new Fault(500, 'The server has either erred or is incapable of performing the requested operation.', {}, cause)

/** @param rule the name of Nova's policy rule, such as `os_compute_api:servers:create` */
export const policyForbids = (rule: string): Fault => newForbidden(`Policy doesn't allow ${rule} to be performed.`)

/** @param rule the name of Keystone's policy rule, such as `identity:get_user`, or a sentence that describes it */
export const keystoneForbids = (rule: string): Fault =>
  newForbidden(`You are not authorized to perform the requested action: ${rule}.`)

/** The body of a fault: `{"itemNotFound": {"code": 404, "message": "…"}}`. */
export function renderFault({ status, message, headers }: Fault): object {
  const name = faultNames[status] ?? 'computeFault'
  const retryAfter = headers['retry-after']
  return { [name]: { code: status, message, ...(retryAfter === undefined ? {} : { retryAfter }) } }
}
