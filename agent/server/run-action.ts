/**
 * Runs the planned action as far as possible. A long step runs in the background, and later reconciles continue the
 * action.
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

/** The shortest time, in milliseconds, between two reports of a step's progress in the status. */
const STATUS_MS = 5000
/** The shortest time, in milliseconds, between two writes of the steps to the action record. */
const RECORD_MS = 30_000

/** Starts or continues the planned action. If it has ended already, only reports its end. */
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
 * Whether to write the action's task state to the status before its steps run. The scheduler has already announced a
 * creation.
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
 * Returns what an earlier process of the agent has recorded of this action; undefined if nothing. For requested actions
 * that the status does not announce, only the record shows whether they have ended.
 */
async function findFormerRun(server: Server, planned: Planned, deps: Deps): Promise<FormerRun | undefined> {
  if (isInterrupted(server, planned)) return readFormerRun(server, planned, deps)
  if (planned.request === undefined || needsAnnouncement(server, planned)) return undefined
  const former = await readFormerRun(server, planned, deps)
  return former.end && former
}

/**
 * Whether the status has the action's task state. If so, an earlier process of the agent has announced the action.
 * False for a deletion, because a deletion has no action record from which a run could continue.
 */
function isInterrupted({ status }: Server, { action, params }: Planned): boolean {
  const { task, result } = actions[action]
  return result !== 'gone' && task !== undefined && status?.domain !== undefined && status.taskState === task(params)
}

/**
 * Runs the next steps as far as possible and reports how far the run has come. If the run has ended, only reports its
 * end.
 */
export async function continueRun(run: ActionRun, now: Server, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const server = run.withOwnSpec(now)
  const { instance } = server.status ?? {}
  if (!instance) throw new Error(`${server.metadata.name} is not placed`)
  const guest: Guest = { server, instance, mode: modeAfter(actions[run.planned.action], modeOf(server)) }
  if (run.end) {
    await conclude(run, run.end, guest, deps, ctx)
    // Reconcile again, because the spec may have changed during the run. A watch event may not come: nothing is written
    // if the status already had the end.
    return changed
  }
  const { host, shutdownTimeout } = deps
  const onStep = (step: string, seconds: number): void => deps.onStep(run.planned.action, step, seconds)
  const result = await runSteps(run, { host, guest, signal: ctx.signal, shutdownTimeout, onStep })
  if (result.kind === 'waiting') return reportProgressAndRequeue(run, guest, result, deps)
  return endRun(run, guest, result.kind === 'failed' ? result.failure : undefined, deps, ctx)
}

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

/** Ends the action after its last step or a final failure. After any other failure, the action is retried later. */
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
  // Do not store the end of a deletion in the run: if the report fails, all its steps run again. So nothing of the
  // server is left when the finalizer is removed.
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

async function retryLater(
  seen: ObservedGuest,
  planned: Planned,
  failure: Failure,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const { code, message } = failure
  ctx.log.warn({ action: planned.action, code, detail: message }, 'action failed, will be tried again')
  // Between its tries, a restoration is not reported as running, so the status has no task state. With a task state,
  // the controller would admit no action requests, such as the one that ends a rescue.
  const running = planned.restores ? {} : { running: planned }
  await applyStatusOf({ ...statusInputOf(seen, deps), ...running, failure }, deps)
  return wait(code, deps.attempts.backoffRemaining(seen.guest.server.metadata.uid ?? '', planned).ms)
}
