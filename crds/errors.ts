/**
 * The five kinds of error that Kubenova throws. Errors of libvirt, Kubernetes and HTTP are translated into these kinds.
 */
import type { Reason } from './reasons.ts'

interface Details {
  cause?: unknown
  isHostFault?: boolean
}

/** The code is stable, for tables and metrics. The message is a sentence for people, with the actual values. */
abstract class KubenovaError extends Error {
  abstract readonly kind: 'Refused' | 'NotFound' | 'Transient' | 'Terminal' | 'Bug'
  /** The reason of the condition that reports this error. */
  readonly code: Reason
  /**
   * Whether the error happened because this host lacks something, such as a file or a program. Another host may then
   * succeed.
   */
  readonly isHostFault: boolean
  constructor(code: Reason, message: string, details: Details = {}) {
    super(message, details)
    this.name = new.target.name
    this.code = code
    this.isHostFault = details.isHostFault === true
  }
}

/** The request is not allowed. It is not retried until the object, or an object that it names, changes. */
export class Refused extends KubenovaError {
  readonly kind = 'Refused'
}

/** An object that is needed does not exist. */
export class NotFound extends KubenovaError {
  readonly kind = 'NotFound'
}

/**
 * A peer, such as libvirtd or the API server, is busy, unreachable or late. The work is retried with growing delays.
 */
export class Transient extends KubenovaError {
  readonly kind = 'Transient'
}

/**
 * The work cannot succeed. It is reported as a fault of the server, and is not retried until the spec changes or a
 * ServerAction requests it.
 */
export class Terminal extends KubenovaError {
  readonly kind = 'Terminal'
}

/**
 * An invariant of the program is broken. The error is logged with its stack, and the work is retried after a long
 * delay.
 */
export class Bug extends KubenovaError {
  readonly kind = 'Bug'
}

export type AnyError = Refused | NotFound | Transient | Terminal | Bug

export function isKubenovaError(error: unknown): error is AnyError {
  return error instanceof KubenovaError
}

/** Joins the messages of an error and of its causes into one line, outermost first. */
export function explainError(error: unknown): string {
  const parts: string[] = []
  for (let e: unknown = error; e !== undefined && e !== null && parts.length < 8; ) {
    parts.push(e instanceof Error ? e.message : JSON.stringify(e))
    e = e instanceof Error ? e.cause : undefined
  }
  return parts.filter((p, i) => p !== '' && !parts.slice(0, i).some((q) => q.includes(p))).join(': ')
}
