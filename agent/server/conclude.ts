/**
 * Concludes an action: runs its undo steps after a failure, writes the action record, then writes the status, which has
 * the number of action records.
 */
import { isUnchanging, runStep } from '../../actions/action.ts'
import type { Guest } from '../../actions/host/index.ts'
import { actions } from '../../actions/index.ts'
import { modeOf } from '../../actions/mode.ts'
import { agentManagerOf, FINALIZER, type Server } from '../../crds/index.ts'
import { isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { ReconcileContext } from '../../kube/reconcile-loop.ts'
import type { EndedAction } from './action-record.ts'
import type { ActionEnd, ActionRun } from './action-run.ts'
import type { Deps } from './deps.ts'
import { applyStatusOf, emitEvent, type ObservedGuest, statusInputOf } from './report.ts'
import { type Failure, standingFault } from './status.ts'
import { writeEndedRecord } from './write-record.ts'

export async function concludeRun(
  run: ActionRun,
  end: ActionEnd,
  guest: Guest,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const { planned, failure } = end.ended
  if (actions[planned.action].result === 'gone' && !failure) {
    emitEvent(guest.server, end.ended, deps)
    await removeFinalizer(guest.server, deps)
    logEnd(guest.server, end.ended, ctx)
    return done
  }
  if (failure && !end.isUndone) await runUndo(end.ended, { ...guest, mode: modeOf(guest.server) }, deps, ctx)
  end.isUndone = true
  return reportEnd({ guest, observed: await deps.host.domains.observe(guest) }, end, run.recordNumber, deps, ctx)
}

/**
 * Reports how an action ended: in its action record, if the record does not have that yet, and then in the status.
 * @param recordNumber the number in the record's name; undefined if a ServerAction requested the action, or if no
 * record exists yet
 */
export async function reportEnd(
  { guest, observed }: ObservedGuest,
  end: ActionEnd,
  recordNumber: number | undefined,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const { ended } = end
  const { planned, failure } = ended
  const { server } = guest
  end.actionRecords ??= await writeEndedRecord(server, ended, recordNumber, deps)
  const { actionRecords } = end
  const fault = faultAfter(server, ended)
  const refused = failure !== undefined && leavesServerAsIs(ended)
  const input = {
    ...statusInputOf({ guest, observed }, deps),
    actionRecords,
    finished: planned,
    refused,
    ...(fault ? { failure: fault } : {}),
  }
  const reason = failure?.rejectsHost ? failure.message.slice(0, 1024) : undefined
  await applyStatusOf(input, deps, reason === undefined ? {} : { hostRejection: { host: deps.hostName, reason } })
  emitEvent(server, ended, deps)
  logEnd(server, ended, ctx)
  return done
}

function logEnd({ metadata }: Server, { planned, failure }: EndedAction, { log }: ReconcileContext): void {
  const result = failure ? failure.code : 'Success'
  log.info({ action: planned.action, server: metadata.name, result }, 'action ended')
}

const faultAfter = (server: Server, ended: EndedAction): Failure | undefined =>
  leavesServerAsIs(ended) ? standingFault(server) : ended.failure

/**
 * Whether the action was refused or changes no state (such as a crash dump). As in Nova, its failure does not put the
 * server into error.
 */
const leavesServerAsIs = ({ planned, failure }: EndedAction): boolean =>
  failure?.isRefusal === true || isUnchanging(actions[planned.action])

/** A refused action has changed nothing, so only its clean-up steps run. */
async function runUndo(
  { planned: { action, params, id: bootId }, failure }: EndedAction,
  guest: Guest,
  { host, shutdownTimeout }: Deps,
  { signal }: ReconcileContext,
): Promise<void> {
  const undo = (actions[action].undo ?? []).filter(({ cleansUp }) => cleansUp || !failure?.isRefusal)
  for (const step of undo) await runStep(step, { host, guest, params, bootId, shutdownTimeout, signal, elapsedMs: 0 })
}

/** Lets the API server delete the Server. Call it when nothing of the server is left on this host. */
async function removeFinalizer({ metadata }: Server, deps: Deps): Promise<void> {
  const { name, namespace, uid, resourceVersion, finalizers = [] } = metadata
  if (!finalizers.includes(FINALIZER)) return
  const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((f) => f !== FINALIZER) } }
  try {
    await deps.servers.patch({ name, namespace }, patch, { fieldManager: agentManagerOf(deps.hostName) })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
