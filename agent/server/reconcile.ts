/**
 * Reconciles one server of this host: observes the domain, plans an action, runs it and reports the result. Long steps
 * run in the background, so a reconcile is short. After a crash at any point, the next reconcile continues.
 */
import type { Guest } from '../../actions/host/index.ts'
import { actions } from '../../actions/index.ts'
import { isKubenovaError, type Server, Transient } from '../../crds/index.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import type { ReconcileContext } from '../../kube/reconcile-loop.ts'
import { keyOf } from '../../kube/types.ts'
import { applyAgentStatus, ServerGone } from './apply-status.ts'
import { reportEnd } from './conclude.ts'
import type { Deps } from './deps.ts'
import type { Observed } from './observed.ts'
import { announcedAction, hasWorkBesidesPower, type Planned, plan, restoreShutdownReason } from './plan.ts'
import { applyStatusOf, type ObservedGuest, statusInputOf } from './report.ts'
import { continueRun, runAction } from './run-action.ts'
import { failureOf } from './run-steps.ts'
import { restartDelayedFailure, standingFault, unobservedStatus } from './status.ts'
import { closeInterruptedRecord } from './write-record.ts'

/** `server` is from the cache, so it may be gone: then nothing is left to do, and the watch reports the deletion. */
export async function reconcileServer(server: Server, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  try {
    return await reconcileKnown(server, deps, ctx)
  } catch (error) {
    if (!(error instanceof ServerGone)) throw error
    ctx.log.debug({ server: keyOf(server.metadata) }, 'the server is gone')
    return done
  }
}

async function reconcileKnown(server: Server, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { instance } = server.status ?? {}
  if (!instance) return done
  const unfinished = deps.isLibvirtAway() ? undefined : deps.runs.getUnfinishedRun(keyOf(server.metadata), server)
  if (unfinished) return continueRun(unfinished, server, deps, ctx)
  const guest: Guest = { server, instance }
  let observed: Observed
  try {
    observed = await observe(guest, deps)
  } catch (error) {
    return reportUnobserved(guest, error, deps, ctx)
  }
  const planned = plan(server, observed)
  const seen = { guest: await closeInterrupted(guest, planned, deps), observed }
  if (!planned) return reportSteadyState(seen, deps)
  const { ms, restarts } = deps.attempts.backoffRemaining(server.metadata.uid ?? '', planned)
  if (ms === 0) return runAction(seen, planned, deps, ctx)
  if (restarts)
    await applyStatusOf({ ...statusInputOf(seen, deps), failure: restartDelayedFailure(observed, restarts) }, deps)
  return wait('the next try', ms)
}

async function observe(guest: Guest, { host, hostName, isLibvirtAway }: Deps): Promise<Observed> {
  // A call of libvirt would wait for a connection and block a worker.
  if (isLibvirtAway())
    throw new Transient(
      'LibvirtUnreachable',
      `libvirt on ${hostName} does not answer: see that libvirtd runs there; guests that run are not touched`,
    )
  try {
    return restoreShutdownReason(await host.domains.observe(guest), guest.server)
  } catch (error) {
    // A hanging start of the domain keeps libvirtd busy, so that the domain cannot be observed. Report it as paused, so
    // that the deletion goes on and destroys it.
    const hangs =
      isKubenovaError(error) && error.code === 'LibvirtBusy' && guest.server.metadata.deletionTimestamp !== undefined
    if (!hangs) throw error
    return { power: 'paused', reason: 'starting up' }
  }
}

/**
 * Reports that the domain cannot be observed. A server without pending work keeps its status. If libvirt is away and
 * the server has nothing on this host yet, this host rejects the server, so that the scheduler chooses another.
 */
async function reportUnobserved(guest: Guest, error: unknown, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { server } = guest
  const now = deps.clocks.wall()
  const failure = failureOf('observe', error)
  const planned = plan(server, { power: 'missing' })
  if (planned && actions[planned.action].builds && deps.isLibvirtAway() && !(await deps.host.isBegun(guest))) {
    const rejection = { ...failure, final: true, rejectsHost: true }
    const ended = { planned, host: deps.hostName, startTime: now, finishTime: now, failure: rejection }
    const { recordNumber, end = { ended } } = deps.runs.get(keyOf(server.metadata), planned) ?? {}
    const outcome = await reportEnd({ guest, observed: { power: 'missing' } }, end, recordNumber, deps, ctx)
    deps.attempts.recordEnd(server.metadata.uid ?? '', planned, rejection)
    deps.runs.forget(keyOf(server.metadata))
    return outcome
  }
  const isTransient = failure.code === 'LibvirtUnreachable' && !deps.isLibvirtAway()
  if (!isTransient && hasWorkBesidesPower(server)) {
    const { domain } = deps.host.runtimeInfo(guest)
    await applyAgentStatus(server, unobservedStatus(server, failure, domain, now), deps)
  }
  throw error
}

/**
 * Ends the record of an announced action that the agent does not continue. Returns the guest with the new number of
 * action records.
 */
async function closeInterrupted(guest: Guest, planned: Planned | undefined, deps: Deps): Promise<Guest> {
  const { server } = guest
  const announced = announcedAction(server)
  const isContinued = planned?.action === announced || planned?.request !== undefined
  const run = deps.runs.ofServer(keyOf(server.metadata), server)
  const hasNoRecord = run !== undefined && run.recordNumber === undefined
  if (announced === undefined || isContinued || hasNoRecord || server.metadata.deletionTimestamp) return guest
  return {
    ...guest,
    server: { ...server, status: { ...server.status, actionRecords: await closeInterruptedRecord(server, deps) } },
  }
}

/**
 * Writes the status when there is no action to run. A fault stays in the status until the spec changes or an action
 * changes the server's state.
 */
async function reportSteadyState(seen: ObservedGuest, deps: Deps): Promise<Outcome> {
  const { server } = seen.guest
  deps.runs.forget(keyOf(server.metadata))
  const failure = standingFault(server)
  // Keep `hostRejection` until the scheduler has moved the server to another host.
  const { hostRejection } = server.status ?? {}
  const rejection = failure && hostRejection ? { hostRejection } : {}
  await applyStatusOf({ ...statusInputOf(seen, deps), ...(failure ? { failure } : {}) }, deps, rejection)
  return done
}
