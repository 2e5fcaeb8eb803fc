/** The five errors that ours throw; borders (libvirt, Kubernetes, HTTP) translate to them once, by a table. */

import type { Reason } from './reasons.ts'

interface Details {
  cause?: unknown
}

/** Base: a stable code for tables and metrics, a sentence with values for people. */
abstract class KubenovaError extends Error {
  abstract readonly kind: 'Refused' | 'NotFound' | 'Transient' | 'Terminal' | 'Bug'
  /** Stable: the reason of a condition. */
  readonly code: Reason
  constructor(code: Reason, message: string, details: Details = {}) {
    super(message, details)
    this.name = new.target.name
    this.code = code
  }
}

/** What was asked for may not be. No retry until what was asked for changes. */
export class Refused extends KubenovaError {
  readonly kind = 'Refused'
}

/** A named thing is not there. */
export class NotFound extends KubenovaError {
  readonly kind = 'NotFound'
}

/** A peer is busy, gone or late: retried with back-off. */
export class Transient extends KubenovaError {
  readonly kind = 'Transient'
}

/** The work itself cannot succeed: recorded as a fault, not retried until the wish changes. */
export class Terminal extends KubenovaError {
  readonly kind = 'Terminal'
}

/** An invariant is broken: logged with its stack, retried slowly. */
export class Bug extends KubenovaError {
  readonly kind = 'Bug'
}

/** Any of the five. */
export type AnyError = Refused | NotFound | Transient | Terminal | Bug

export function isKubenovaError(error: unknown): error is AnyError {
  return error instanceof KubenovaError
}

/** Message of an error and of its causes, outermost first, in one line. */
export function explainError(error: unknown): string {
  const parts: string[] = []
  for (let e: unknown = error; e !== undefined && e !== null && parts.length < 8; ) {
    parts.push(e instanceof Error ? e.message : JSON.stringify(e))
    e = e instanceof Error ? e.cause : undefined
  }
  return parts.filter((p, i) => p !== '' && !parts.slice(0, i).some((q) => q.includes(p))).join(': ')
}
