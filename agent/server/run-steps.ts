/** Runs the steps of an action, from the one that comes next to the first that is not done. */
import { isRefusal, type Refusal, runStep, type Step } from '../../actions/action.ts'
import type { Guest, Host } from '../../actions/host/index.ts'
import { actions } from '../../actions/index.ts'
import { explainError, isKubenovaError } from '../../crds/index.ts'
import { toDiskFull } from '../files/errors.ts'
import type { ActionRun } from './action-run.ts'
import type { Failure } from './status.ts'

export interface RunOptions {
  host: Host
  guest: Guest
  signal: AbortSignal
  shutdownTimeout: number
  /** Called with each step that is done or has failed. */
  onStep(name: string, seconds: number): void
}

export type RunResult =
  | { kind: 'done' }
  /** The step runs in the background. It is tried again at the next event of the server, or after `checkAfterMs`. */
  | { kind: 'waiting'; step: string; checkAfterMs: number; progress?: string }
  | { kind: 'failed'; failure: Failure }

export async function runSteps(run: ActionRun, options: RunOptions): Promise<RunResult> {
  const { steps } = actions[run.planned.action]
  for (const step of steps.slice(run.next)) {
    const result = await tryStep(step, run, options)
    if (result.kind !== 'done') return result
  }
  return { kind: 'done' }
}

async function tryStep(step: Step<never>, run: ActionRun, options: RunOptions): Promise<RunResult> {
  const { onStep, ...input } = options
  const { name } = step
  const { params, id } = run.planned
  const elapsedMs = run.tryStep(name)
  try {
    input.signal.throwIfAborted()
    const result = await runStep(step, { ...input, params: params as never, bootId: id, elapsedMs })
    if (isRefusal(result)) return { kind: 'failed', failure: refusalOf(step, result, run) }
    if (result.done) {
      onStep(name, run.finishStep(name) / 1000)
      return { kind: 'done' }
    }
    const { checkAfterMs, progress } = result
    run.noteProgress(name, progress)
    return { kind: 'waiting', step: name, checkAfterMs, ...(progress === undefined ? {} : { progress }) }
  } catch (error) {
    // The server is being deleted, or the agent stops: that is no failure of the action.
    if (input.signal.aborted) throw input.signal.reason
    onStep(name, run.elapsedMs(name) / 1000)
    return { kind: 'failed', failure: failureOf(name, error) }
  }
}

/**
 * Only a requested action can be refused. An action that follows from the spec fails instead, so that the status shows
 * it.
 */
const refusalOf = (
  { name }: Step<never>,
  { refused: { reason, message } }: Refusal,
  { planned }: ActionRun,
): Failure => ({
  code: reason,
  message: `${name}: ${message}`.slice(0, MAX_MESSAGE_LENGTH),
  final: true,
  isRefusal: planned.request !== undefined,
})

/** QEMU may say a lot; an action record takes 8192 bytes. */
const MAX_MESSAGE_LENGTH = 2000

/** The failure for an error that a step has thrown. Only Terminal and Refused errors are final at once. */
export function failureOf(step: string, thrown: unknown): Failure {
  // Files are written in many places: a full disk is reported alike wherever it was met.
  const error = toDiskFull(thrown, 'the server')
  const message = `${step}: ${explainError(error)}`.slice(0, MAX_MESSAGE_LENGTH)
  if (!isKubenovaError(error)) return { code: 'Unexpected', message, final: false }
  return { code: error.code, message, final: error.kind === 'Terminal' || error.kind === 'Refused' }
}
