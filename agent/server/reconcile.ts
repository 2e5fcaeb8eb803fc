/** One server of this host: look, plan, act, say. Each pass ends with the status saying what is; a crash anywhere is made good by the next. */

import { runStep } from '../../actions/action.ts'
import type { Guest, Host } from '../../actions/host/index.ts'
import { actions } from '../../actions/index.ts'
import {
  agentManagerOf,
  FINALIZER,
  isOurs,
  reasonOf,
  type Server,
  type ServerAction,
  Transient,
} from '../../crds/index.ts'
import type { Clock } from '../../kube/clock.ts'
import { ignoreNotFound, isAlreadyExists, isNotFound, isUidMismatch } from '../../kube/errors.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import type { ReconcileContext } from '../../kube/reconcile-loop.ts'
import type { Resource } from '../../kube/resource.ts'
import { throttle } from '../throttle.ts'
import { applyAgentStatus, type StatusWriter } from './apply-status.ts'
import type { Attempts } from './attempts.ts'
import type { Observed } from './observed.ts'
import { isPending, type Planned, plan, restoreShutdownReason } from './plan.ts'
import { changeRecord, type Ended, requestEnd } from './record.ts'
import { failureOf, runAction } from './run.ts'
import { agentStatus, type Failure, keepsEnding, unseenStatus, type View } from './status.ts'

/** What reconciling needs of the host besides what actions need. */
export interface LocalHost extends Host, AsyncDisposable {
  /** Anything was made of it on this host; asked of its files, not of libvirt. */
  isBegun(guest: Guest): Promise<boolean>
  /** The domain's name, and where its console log and its VNC socket are. */
  runtimeInfo(guest: Guest): View['place']
}

export interface Deps extends StatusWriter {
  host: LocalHost
  /** libvirt has not been there for so long that it is no restart of it. */
  away(): boolean
  actions: Resource<ServerAction>
  events: EventRecorder
  attempts: Attempts
  onStep(action: string, step: string, seconds: number): void
  now(): string
  clock: Pick<Clock, 'now'>
  /** Resolves when the domain of this UUID may have changed, at the latest after `ms`. */
  waitForChange(uuid: string, ms: number, signal: AbortSignal): Promise<void>
  shutdownTimeout: number
}

/** How often progress of a long step is written at most. */
const PROGRESS_MS = 5000

export async function reconcileServer(server: Server, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { instance } = server.status ?? {}
  if (!instance) return done
  const guest: Guest = { server, instance }
  let observed: Observed
  try {
    observed = await look(guest, deps)
  } catch (error) {
    return unseen(guest, error, deps, ctx)
  }
  const planned = plan(server, observed)
  if (!planned) return settle({ guest, observed }, deps)
  const { ms, restarts } = deps.attempts.hold(server.metadata.uid ?? '', planned)
  if (ms === 0) return act(guest, observed, planned, deps, ctx)
  if (restarts) await sayView({ ...viewOf({ guest, observed }, deps), failure: keepsEnding(observed, restarts) }, deps)
  return wait('the next try', ms)
}

async function look(guest: Guest, { host, hostName, away }: Deps): Promise<Observed> {
  // A call would wait for a connection first, and keep others waiting.
  if (away())
    throw new Transient(
      'LibvirtUnreachable',
      `libvirt on ${hostName} does not answer: see that libvirtd runs there; guests that run are not touched`,
    )
  try {
    return restoreShutdownReason(await host.domains.observe(guest), guest.server)
  } catch (error) {
    // A domain whose start hangs can be deleted like any other.
    const hangs = isOurs(error) && error.code === 'LibvirtBusy' && guest.server.metadata.deletionTimestamp !== undefined
    if (!hangs) throw error
    return { power: 'paused', reason: 'starting up' }
  }
}

/**
 * The domain cannot be looked at. What is at rest stays as it is said to be; what waits for something says why. Only what was not begun here
 * need not wait: nothing of it can run, so another host may have it.
 */
async function unseen(guest: Guest, error: unknown, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { server } = guest
  const now = deps.now()
  const failure = failureOf('look', error)
  const planned = plan(server, { power: 'missing' })
  if (planned && actions[planned.action].builds && deps.away() && !(await deps.host.isBegun(guest))) {
    const refusal = { ...failure, final: true, refuse: true }
    const ended = { planned, host: deps.hostName, startTime: now, finishTime: now, failure: refusal }
    deps.attempts.ended(server.metadata.uid ?? '', planned, refusal)
    return finish({ guest, observed: { power: 'missing' } }, ended, deps, ctx)
  }
  const passes = failure.code === 'LibvirtUnreachable' && !deps.away()
  if (!passes && isPending(server)) await applyAgentStatus(server, unseenStatus(server, failure, now), deps)
  throw error
}

interface Seen {
  guest: Guest
  observed: Observed
}

const viewOf = ({ guest, observed }: Seen, deps: Deps): View => ({
  server: guest.server,
  observed,
  now: deps.now(),
  place: deps.host.runtimeInfo(guest),
  actionRecords: guest.server.status?.actionRecords ?? 0,
})

/** Nothing to do: the status says what is, and a fault that was found stands until the wish changes. */
async function settle(seen: Seen, deps: Deps): Promise<Outcome> {
  const { metadata, status } = seen.guest.server
  const stands = status?.vmState === 'error' && status.observedGeneration === metadata.generation && status.fault
  const failure = stands ? { code: reasonOf(stands.details), message: stands.message, final: true } : undefined
  // The controller takes it away from here when it has seen that; until then it must go on being said.
  const refused = stands && status.hostRejection ? { hostRejection: status.hostRejection } : {}
  await sayView({ ...viewOf(seen, deps), ...(failure ? { failure } : {}) }, deps, refused)
  return done
}

/** The server as a write left it, with the spec that is being worked on: a newer one has its turn after. */
function asSeen({ spec, metadata: { generation = 0 } }: Server, written: Server): Server {
  return { ...written, spec, metadata: { ...written.metadata, generation } }
}

async function act(
  seen: Guest,
  observed: Observed,
  planned: Planned,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  const view: View = { ...viewOf({ guest: seen, observed }, deps), running: planned }
  // A creation is announced by the controller's placement already; saying it again would be a write for nothing.
  const announced = actions[planned.action].builds && seen.server.status?.vmState === 'building'
  const server = announced ? seen.server : asSeen(seen.server, await sayView(view, deps))
  const guest = { ...seen, server }
  const startTime = deps.now()
  const failed = await run(guest, { ...view, server }, planned, deps, ctx)
  const key = server.metadata.uid ?? ''
  const failure = failed && deps.attempts.judge(key, planned, failed)
  if (failure && !failure.final) return retryLater({ guest, observed }, planned, failure, deps, ctx)
  deps.attempts.ended(key, planned, failure)
  const ended: Ended = {
    planned,
    host: deps.hostName,
    startTime,
    finishTime: deps.now(),
    ...(failure ? { failure } : {}),
  }
  return conclude(guest, ended, deps, ctx)
}

/** The steps, with their progress written now and then. */
async function run(
  guest: Guest,
  view: View,
  planned: Planned,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Failure | undefined> {
  const { host, shutdownTimeout, clock } = deps
  const pass = async (message: string): Promise<void> => void (await sayView({ ...view, progress: message }, deps))
  const progress = throttle(PROGRESS_MS, pass, ctx.log)
  const onStep = (step: string, seconds: number): void => deps.onStep(planned.action, step, seconds)
  const { signal } = ctx
  // Other Servers of this host are worked on meanwhile.
  const wait = (ms: number): Promise<void> =>
    ctx.withSlotReleased(() => deps.waitForChange(guest.instance.uuid, ms, signal))
  const now = (): number => clock.now()
  try {
    const options = { host, guest, signal, progress: progress.call, now, wait, onStep, shutdownTimeout }
    return await runAction(planned, options)
  } finally {
    await progress.end()
  }
}

/** Says why it is not done yet and leaves the key to the queue's back-off. */
async function retryLater(
  seen: Seen,
  planned: Planned,
  failure: Failure,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Outcome> {
  ctx.log.warn(
    { action: planned.action, code: failure.code, detail: failure.message },
    'action failed, will be tried again',
  )
  await sayView({ ...viewOf(seen, deps), running: planned, failure }, deps)
  return wait(failure.code, deps.attempts.hold(seen.guest.server.metadata.uid ?? '', planned).ms)
}

/** The action has ended, well or with a fault. */
async function conclude(guest: Guest, ended: Ended, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { planned, failure } = ended
  if (actions[planned.action].result === 'gone' && !failure) {
    tell(guest.server, ended, deps)
    await release(guest.server, deps)
    return done
  }
  if (failure) await runUndo(planned, guest, deps, ctx)
  return finish({ guest, observed: await deps.host.domains.observe(guest) }, ended, deps, ctx)
}

/** The record first, then the status that counts it. */
async function finish({ guest, observed }: Seen, ended: Ended, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { planned, failure } = ended
  const { server } = guest
  const actionRecords = await record(server, ended, deps)
  const view = {
    ...viewOf({ guest, observed }, deps),
    actionRecords,
    finished: planned,
    ...(failure ? { failure } : {}),
  }
  const refused = failure?.refuse
  const more = refused ? { hostRejection: { host: deps.hostName, reason: failure.message.slice(0, 1024) } } : {}
  await sayView(view, deps, more)
  tell(server, ended, deps)
  ctx.log.info(
    { action: planned.action, server: server.metadata.name, result: failure ? failure.code : 'Success' },
    'action ended',
  )
  return done
}

/** An action that failed for good leaves nothing half-made behind. */
async function runUndo(
  planned: Planned,
  guest: Guest,
  { host, shutdownTimeout }: Deps,
  ctx: ReconcileContext,
): Promise<void> {
  const { params, id: bootId } = planned
  const input = { host, guest, params, bootId, shutdownTimeout, signal: ctx.signal, elapsedMs: 0 }
  for (const step of actions[planned.action].undo ?? []) await runStep(step, input)
}

/** Writes the record once; answers the count of records after it. */
async function record(server: Server, ended: Ended, deps: Deps): Promise<number> {
  const records = server.status?.actionRecords ?? 0
  const { request } = ended.planned
  if (!request) return recordChange(server, records, ended, deps)
  try {
    await deps.actions.apply(requestEnd(server, request, ended), { fieldManager: agentManagerOf(deps.hostName) })
  } catch (error) {
    // Deleted by its user (applied with its uid, it is not made anew): there is nothing to add.
    if (!isNotFound(error) && !isUidMismatch(error)) throw error
  }
  return records
}

/**
 * Its name may be taken. By itself, written before a crash: that is it. By an older server's record, by one of another action or with another
 * end, which was undone before it was counted (the host lost its power), or by anybody's: it has the next name.
 */
async function recordChange(server: Server, records: number, ended: Ended, deps: Deps): Promise<number> {
  const draft = changeRecord(server, records, ended)
  try {
    await deps.actions.create(draft, { fieldManager: agentManagerOf(deps.hostName) })
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const there = await ignoreNotFound(deps.actions.get(draft.metadata))
    const isIts = there?.metadata.ownerReferences?.some(({ uid }) => uid === server.metadata.uid)
    const isThis =
      isIts &&
      there?.status?.host === deps.hostName &&
      there.spec.action === ended.planned.action &&
      there.status.phase === draft.status?.phase
    if (!isThis) return recordChange(server, records + 1, ended, deps)
  }
  return records + 1
}

function tell(server: Server, { planned, failure, host }: Ended, { events }: Deps): void {
  const note = failure ? failure.message : `${planned.action} done on ${host}`
  events.event({
    regarding: server,
    type: failure ? 'Warning' : 'Normal',
    reason: failure ? failure.code : `${planned.action.charAt(0).toUpperCase()}${planned.action.slice(1)}`,
    action: planned.action,
    note,
  })
}

const sayView = (view: View, deps: Deps, more: object = {}): Promise<Server> =>
  applyAgentStatus(view.server, { ...agentStatus(view), ...more }, deps)

/** Nothing of it is left on this host: the API server may forget it. */
async function release({ metadata }: Server, deps: Deps): Promise<void> {
  const { name, namespace, uid, resourceVersion, finalizers = [] } = metadata
  if (!finalizers.includes(FINALIZER)) return
  const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((f) => f !== FINALIZER) } }
  try {
    await deps.servers.patch({ name, namespace }, patch, { fieldManager: agentManagerOf(deps.hostName) })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
