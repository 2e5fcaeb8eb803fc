// How a reconcile can end: a closed set of values; only the controller loop turns them into calls of the queue.

export type Outcome =
  /** As it should be. */
  | { kind: 'done' }
  /** Nothing to do until something else happens (an event will bring the key back), or until `recheckAfter` ms have passed. */
  | { kind: 'wait'; for: string; recheckAfter?: number | undefined }
  /** Something was written: look again at once. */
  | { kind: 'changed' }
  /** Cannot succeed as things are: a condition says so, and nothing is retried until spec or a dependency changes. */
  | { kind: 'failed'; reason: string; message: string }

export const done: Outcome = { kind: 'done' }
export const changed: Outcome = { kind: 'changed' }
/** @param recheckAfter milliseconds */
export const wait = (what: string, recheckAfter?: number): Outcome => ({ kind: 'wait', for: what, recheckAfter })
export const failed = (reason: string, message: string): Outcome => ({ kind: 'failed', reason, message })

/** Of several: the first that is not `done` decides; the shortest recheck of any counts. */
export function mergeOutcomes(outcomes: readonly (Outcome | undefined)[]): Outcome {
  const open = outcomes.filter((outcome) => outcome !== undefined && outcome.kind !== 'done')
  const first = open[0] ?? done
  if (first.kind !== 'wait') return first
  const rechecks = open.flatMap((outcome) => (outcome?.kind === 'wait' ? (outcome.recheckAfter ?? []) : []))
  return { ...first, recheckAfter: rechecks.length === 0 ? undefined : Math.min(...rechecks) }
}
