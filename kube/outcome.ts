export type Outcome =
  /** The object is as it should be. */
  | { kind: 'done' }
  /** Nothing to do until an event enqueues the key again, or until `recheckAfter` ms have passed. */
  | { kind: 'wait'; for: string; recheckAfter?: number | undefined }
  /** Something was written: reconcile again at once. */
  | { kind: 'changed' }
  /**
   * The reconcile is not retried until the spec, or an object that it depends on, changes. The reconcile should also
   * write the reason to a condition.
   */
  | { kind: 'failed'; reason: string; message: string }

export const done: Outcome = { kind: 'done' }
export const changed: Outcome = { kind: 'changed' }
/** @param recheckAfter milliseconds */
export const wait = (what: string, recheckAfter?: number): Outcome => ({ kind: 'wait', for: what, recheckAfter })
export const failed = (reason: string, message: string): Outcome => ({ kind: 'failed', reason, message })

/** Returns the first outcome that is not `done`. A `wait` gets the shortest `recheckAfter` of all waits. */
export function mergeOutcomes(outcomes: readonly (Outcome | undefined)[]): Outcome {
  const unfinished = outcomes.filter((outcome) => outcome !== undefined && outcome.kind !== 'done')
  const first = unfinished[0] ?? done
  if (first.kind !== 'wait') return first
  const rechecks = unfinished.flatMap((outcome) => (outcome?.kind === 'wait' ? (outcome.recheckAfter ?? []) : []))
  return { ...first, recheckAfter: rechecks.length === 0 ? undefined : Math.min(...rechecks) }
}
