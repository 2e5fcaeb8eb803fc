/**
 * Runs the planned action as far as possible now. A step that takes long runs in the background, and a later reconcile
 * tries it again.
 */
import type { Guest } from '../../actions/host/index.ts'
import { actions } from '../../actions/index.ts'
import { modeAfter, modeOf } from '../../actions/mode.ts'
import type { Server } from '../../crds/index.ts'
import { changed, type Outcome, wait } from '../../kube/outcome.ts'
import type { ReconcileContext } from '../../kube/reconcile-loop.ts'
import { keyOf } from '../../kube/types.ts'
import { type ActionEnd, ActionRun, type FormerRun } from './action-run.ts'
import { concludeRun } from './conclude.ts'
import type { Deps } from './deps.ts'
import type { Planned } from './plan.ts'
import { applyStatusOf, type ObservedGuest, statusInputOf } from './report.ts'
import { type RunResult, runSteps } from './run-steps.ts'
import type { Failure } from './status.ts'
import { readFormerRun, writeRunningRecord } from './write-record.ts'

/** The shortest time between two writes of a step's progress to the Server's status. */
const STATUS_MS = 5000
/** The shortest time between two writes of the steps to the action record. */
const RECORD_MS = 30_000

/** Starts the planned action, or tries it again. If it has ended already, only its end is reported. */
export async function runAction(
  seen: ObservedGuest,
  planned: Planned,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const run = await beginRun(seen, planned, deps)
  const { server } = seen.guest
  const isAnnounced = run.end !== undefined || !needsAnnouncement(server, planned)
  const announced = isAnnounced ? server : await applyStatusOf({ ...statusInputOf(seen, deps), running: planned }, deps)
  return continueRun(run, announced, deps, ctx)
}

/**
 * Whether the task state of the action is written to the status before its steps run. The scheduler has already
 * announced a creation, and an action without a task state is never announced.
 */
function needsAnnouncement({ status }: Server, { action }: Planned): boolean {
  const { builds, task } = actions[action]
  return task !== undefined && !(builds && status?.vmState === 'building')
}

async function beginRun(
  { guest: { server }, observed }: ObservedGuest,
  planned: Planned,
  deps: Deps,
): Promise<ActionRun> {
  const key = keyOf(server.metadata)
  const known = deps.runs.get(key, planned)
  if (known) {
    if (!known.end) known.startOver({ server, observed })
    return known
  }
  const former = await findFormerRun(server, planned, deps)
  const run = new ActionRun(planned, { server, observed }, deps.clocks, former)
  deps.runs.set(key, run)
  return run
}

/**
 * Returns what an earlier process of the agent has recorded of this action; undefined if nothing. A request that is not
 * announced may have ended without a trace in the status, so its record is always read.
 */
async function findFormerRun(server: Server, planned: Planned, deps: Deps): Promise<FormerRun | undefined> {
  if (isInterrupted(server, planned)) return readFormerRun(server, planned, deps)
  if (planned.request === undefined || needsAnnouncement(server, planned)) return undefined
  const former = await readFormerRun(server, planned, deps)
  return former.end && former
}

/**
 * Whether an earlier process of the agent announced this action. False for a deletion, because it has no action record
 * from which it could be continued.
 */
function isInterrupted({ status }: Server, { action, params }: Planned): boolean {
  const { task, result } = actions[action]
  return result !== 'gone' && task !== undefined && status?.domain !== undefined && status.taskState === task(params)
}

/**
 * Tries the next step of the run and those after it, and reports how far the run has come. If the run has ended before,
 * only reports its end.
 */
export async function continueRun(run: ActionRun, now: Server, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const server = run.withOwnSpec(now)
  const { instance } = server.status ?? {}
  if (!instance) throw new Error(`${server.metadata.name} is not placed`)
  const guest: Guest = { server, instance, mode: modeAfter(actions[run.planned.action], modeOf(server)) }
  if (run.end) {
    await conclude(run, run.end, guest, deps, ctx)
    // The spec may have changed during the run. If the end was in the status already, nothing is written now, and no
    // watch event would cause the next reconcile. So request one here.
    return changed
  }
  const { host, shutdownTimeout } = deps
  const onStep = (step: string, seconds: number): void => deps.onStep(run.planned.action, step, seconds)
  const result = await runSteps(run, { host, guest, signal: ctx.signal, shutdownTimeout, onStep })
  if (result.kind === 'waiting') return reportProgressAndRequeue(run, guest, result, deps)
  return endRun(run, guest, result.kind === 'failed' ? result.failure : undefined, deps, ctx)
}

/** Reports the progress of a step that takes longer than LASTING_MS (action-run.ts), and waits for the step. */
async function reportProgressAndRequeue(
  run: ActionRun,
  guest: Guest,
  { step, progress, checkAfterMs }: Extract<RunResult, { kind: 'waiting' }>,
  deps: Deps,
): Promise<Outcome> {
  run.isWaiting = true
  if (!run.isRecorded) return wait(step, checkAfterMs)
  if (run.isReportDue('record', JSON.stringify(run.steps), RECORD_MS)) await writeRunningRecord(guest.server, run, deps)
  const input = { ...statusInputOf({ guest, observed: run.observed }, deps), running: run.planned }
  if (progress !== undefined && run.isReportDue('status', progress, STATUS_MS))
    await applyStatusOf({ ...input, progress }, deps)
  return wait(step, checkAfterMs)
}

/**
 * Ends the action when all steps are done or a step has failed for good. After any other failure, the action is tried
 * again later.
 */
async function endRun(
  run: ActionRun,
  guest: Guest,
  failed: Failure | undefined,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const { metadata } = guest.server
  const { planned, startTime, isRecorded, steps } = run
  const uid = metadata.uid ?? ''
  run.startOver()
  const failure = failed && deps.attempts.countFailure(uid, planned, failed)
  if (failure && !failure.final) return retryLater({ guest, observed: run.observed }, planned, failure, deps, ctx)
  deps.attempts.recordEnd(uid, planned, failure)
  const ended = {
    planned,
    host: deps.hostName,
    startTime,
    finishTime: deps.clocks.wall(),
    ...(isRecorded ? { steps } : {}),
    ...(failure ? { failure } : {}),
  }
  const end: ActionEnd = { ended }
  // The end of a deletion is not kept: if its conclusion fails, all steps of the deletion run again, because it must
  // leave nothing.
  if (actions[planned.action].result !== 'gone') run.end = end
  return conclude(run, end, guest, deps, ctx)
}

async function conclude(
  run: ActionRun,
  end: ActionEnd,
  guest: Guest,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const outcome = await concludeRun(run, end, guest, deps, ctx)
  deps.runs.forget(keyOf(guest.server.metadata))
  return outcome
}

/** Reports why the try failed, and waits until the next try is due. */
async function retryLater(
  seen: ObservedGuest,
  planned: Planned,
  failure: Failure,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const { code, message } = failure
  ctx.log.warn({ action: planned.action, code, detail: message }, 'action failed, will be tried again')
  // While the restoration of a server waits for its next try, the server has no task state: so that the controller
  // admits action requests, such as the one that ends a rescue.
  const running = planned.restores ? {} : { running: planned }
  await applyStatusOf({ ...statusInputOf(seen, deps), ...running, failure }, deps)
  return wait(code, deps.attempts.backoffRemaining(seen.guest.server.metadata.uid ?? '', planned).ms)
}
