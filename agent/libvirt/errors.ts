import { errorCodeName, errorDomainName, type LibvirtErrorCode, type LibvirtErrorDomain } from './error-codes.ts'

/** The domain that libvirt's error is about. */
export interface ErrorDomainRef {
  name: string
  uuid: string
  id: number
}

/** The fields of virNetMessageError. */
export interface WireError {
  code: number
  domain: number
  message: string | null
  level: number
  dom: ErrorDomainRef | null
  str1: string | null
  str2: string | null
  str3: string | null
  int1: number
  int2: number
  net: { name: string; uuid: string } | null
}

/**
 * The daemon answered the call with an error. `code` and `domain` are names of virterror.h; `wire` has all fields as
 * the daemon sent them.
 */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError'
  readonly code: LibvirtErrorCode
  readonly domain: LibvirtErrorDomain
  /** 1 is a warning, 2 an error. */
  readonly level: number
  readonly str1: string | null
  readonly str2: string | null
  readonly str3: string | null
  readonly int1: number
  readonly int2: number
  /** The procedure that failed, for example `domainCreateWithFlags`. */
  readonly procedure: string
  readonly wire: Readonly<WireError>

  constructor(wire: WireError, procedure: string) {
    super(wire.message ?? errorCodeName(wire.code))
    this.code = errorCodeName(wire.code)
    this.domain = errorDomainName(wire.domain)
    this.level = wire.level
    this.str1 = wire.str1
    this.str2 = wire.str2
    this.str3 = wire.str3
    this.int1 = wire.int1
    this.int2 = wire.int2
    this.procedure = procedure
    this.wire = wire
  }
}

/** `isLibvirtError(e, 'VIR_ERR_NO_DOMAIN')`. Without codes: whether it is any LibvirtError. */
export function isLibvirtError(error: unknown, ...codes: LibvirtErrorCode[]): error is LibvirtError {
  return error instanceof LibvirtError && (codes.length === 0 || codes.includes(error.code))
}

/**
 * - `unreachable`: no daemon accepted the connection.
 * - `auth`: the daemon denied access, or asked for an authentication method that this client lacks.
 * - `closed`: `close` was called.
 * - `lost`: the daemon closed the connection, or the socket failed.
 * - `silent`: the daemon did not answer keep-alive.
 * - `protocol`: the daemon violated the protocol (see `cause`).
 */
export type ConnectionErrorCode = 'unreachable' | 'auth' | 'closed' | 'lost' | 'silent' | 'protocol'

export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: ConnectionErrorCode
  /** True if the call was written to the socket. The daemon may then have run it. */
  readonly sent: boolean

  constructor(code: ConnectionErrorCode, message: string, options: { cause?: unknown; sent?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.sent = options.sent ?? false
  }
}

/** If `sent` is true, the daemon may still run the call; the client ignores the late reply. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly procedure: string
  readonly timeoutMs: number
  readonly sent: boolean

  constructor(procedure: string, timeoutMs: number, sent: boolean) {
    super(`${procedure}: no answer within ${timeoutMs} ms${sent ? '' : ' (it was still waiting for a free slot)'}`)
    this.procedure = procedure
    this.timeoutMs = timeoutMs
    this.sent = sent
  }
}

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** An argument has the wrong type, is out of range or is too long. The message names the field. */
export class EncodeError extends RangeError {
  override readonly name = 'EncodeError'
}
