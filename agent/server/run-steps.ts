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
  onStep(name: string, seconds: number): void
}

export type RunResult =
  | { kind: 'done' }
  /** The step runs in the background. It is tried again at the server's next event, or after `checkAfterMs`. */
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
    // The signal aborts when the server is to be deleted or the agent stops. Neither is a failure of the action.
    if (input.signal.aborted) throw input.signal.reason
    onStep(name, run.stepElapsedMs(name) / 1000)
    return { kind: 'failed', failure: classifyFailure(step, failureOf(name, error), run) }
  }
}

/**
 * A clean-up step is tried until it succeeds. A requested action that fails before it has changed anything counts as
 * refused. After a restart of the agent, earlier changes are unknown, so the action counts as failed.
 */
function classifyFailure(step: Step<never>, failure: Failure, run: ActionRun): Failure {
  if (step.cleansUp) return { ...failure, final: false, isCleanUp: true }
  const { steps } = actions[run.planned.action]
  const mayHaveChanged =
    run.isResumed || steps.some(({ name, changesNothing }) => !changesNothing && run.hasTried(name))
  return step.changesNothing && run.planned.request && !mayHaveChanged ? { ...failure, isRefusal: true } : failure
}

/**
 * Only a requested action can count as refused. An action that follows from the spec counts as failed, so that the
 * status shows the reason.
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

/** QEMU's messages can be long, and an action record allows only 8192 characters. */
const MAX_MESSAGE_LENGTH = 2000

/** Only Terminal and Refused errors are final at once. */
export function failureOf(step: string, thrown: unknown): Failure {
  // Many steps write files, so convert any error that means a full disk here.
  const error = toDiskFull(thrown, 'the server')
  const message = `${step}: ${explainError(error)}`.slice(0, MAX_MESSAGE_LENGTH)
  if (!isKubenovaError(error)) return { code: 'Unexpected', message, final: false }
  const final = error.kind === 'Terminal' || error.kind === 'Refused'
  return { code: error.code, message, final, ...(error.isHostFault ? { rejectsHost: true } : {}) }
}
