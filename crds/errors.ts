/**
 * The five kinds of error that Kubenova throws. Errors of libvirt, Kubernetes and HTTP are translated to them once,
 * each by a table.
 */
import type { Reason } from './reasons.ts'

interface Details {
  cause?: unknown
}

/** Has a stable code for tables and metrics, and a sentence with values for people. */
abstract class KubenovaError extends Error {
  abstract readonly kind: 'Refused' | 'NotFound' | 'Transient' | 'Terminal' | 'Bug'
  /** Becomes the reason of a condition. */
  readonly code: Reason
  constructor(code: Reason, message: string, details: Details = {}) {
    super(message, details)
    this.name = new.target.name
    this.code = code
  }
}

/** The request is not allowed. It is not tried again until the request changes. */
export class Refused extends KubenovaError {
  readonly kind = 'Refused'
}

/** A named object does not exist. */
export class NotFound extends KubenovaError {
  readonly kind = 'NotFound'
}

/** A peer is busy, gone or late. The work is tried again with growing delays. */
export class Transient extends KubenovaError {
  readonly kind = 'Transient'
}

/**
 * The work cannot succeed. It becomes a fault, and is not tried again until the spec changes or an action asks for
 * it.
 */
export class Terminal extends KubenovaError {
  readonly kind = 'Terminal'
}

/** An invariant is broken. The error is logged with its stack, and the work is tried again slowly. */
export class Bug extends KubenovaError {
  readonly kind = 'Bug'
}

/** Any of the five kinds. */
export type AnyError = Refused | NotFound | Transient | Terminal | Bug

export function isKubenovaError(error: unknown): error is AnyError {
  return error instanceof KubenovaError
}

/** Joins the messages of an error and of its causes, outermost first, to one line. */
export function explainError(error: unknown): string {
  const parts: string[] = []
  for (let e: unknown = error; e !== undefined && e !== null && parts.length < 8; ) {
    parts.push(e instanceof Error ? e.message : JSON.stringify(e))
    e = e instanceof Error ? e.cause : undefined
  }
  return parts.filter((p, i) => p !== '' && !parts.slice(0, i).some((q) => q.includes(p))).join(': ')
}
