/** One server of this host: look, plan, act, say. Each pass ends with the status saying what is; a crash anywhere is made good by the next. */
import {
  AGENT_MANAGER,
  FINALIZER,
  type Guest,
  type Host,
  isOurs,
  reasonOf,
  type Server,
  type ServerAction,
  type ServerStatus,
  Transient,
} from '../../crds/index.ts'
import { covers } from '../../kube/apply.ts'
import type { ReconcileContext } from '../../kube/controller.ts'
import { isAlreadyExists, isAnother, isConflict, isNotFound, orNotFound } from '../../kube/errors.ts'
import type { Recorder } from '../../kube/events.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import { throttle } from '../throttle.ts'
import type { Attempts } from './attempts.ts'
import type { Observed } from './observed.ts'
import { type Planned, plan, remembered } from './plan.ts'
import { changeRecord, deedEnd, type Ended } from './record.ts'
import { runAction } from './run.ts'
import { agentStatus, type Failure, type View } from './status.ts'

/** What reconciling needs of the host besides what actions need. */
export interface LocalHost extends Host {
  observe(guest: Guest): Promise<Observed>
  place(guest: Guest): View['place']
}

export interface Deps {
  hostName: string
  host: LocalHost
  servers: Resource<Server>
  /** Told of each Server as a write of ours left it. */
  wrote: (server: Server) => void
  actions: Resource<ServerAction>
  events: Recorder
  attempts: Attempts
  onStep(action: string, step: string, seconds: number): void
  now(): string
  shutdownTimeout: number
}

/** How often progress of a long step is written at most. */
const PROGRESS_MS = 5000

export async function reconcileServer(server: Server, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { instance } = server.status ?? {}
  if (!instance) return done
  const guest: Guest = { server, instance }
  const observed = await look(guest, deps)
  const planned = plan(server, observed)
  if (!planned) return settle({ guest, observed }, deps)
  const holdMs = deps.attempts.holdMs(server.metadata.uid ?? '', planned.mark)
  if (holdMs > 0) return wait('the next try', holdMs)
  return act(guest, observed, planned, deps, ctx)
}

async function look(guest: Guest, { host }: Deps): Promise<Observed> {
  try {
    return remembered(await host.observe(guest), guest.server)
  } catch (error) {
    // A domain whose start hangs can be deleted like any other.
    const hangs = isOurs(error) && error.code === 'LibvirtBusy' && guest.server.metadata.deletionTimestamp !== undefined
    if (!hangs) throw error
    return { power: 'paused', reason: 'starting up' }
  }
}

interface Seen {
  guest: Guest
  observed: Observed
}

const viewOf = ({ guest, observed }: Seen, deps: Deps): View => ({
  server: guest.server,
  observed,
  now: deps.now(),
  place: deps.host.place(guest),
  records: guest.server.status?.records ?? 0,
})

/** Nothing to do: the status says what is, and a fault that was found stands until the wish changes. */
async function settle(seen: Seen, deps: Deps): Promise<Outcome> {
  const { metadata, status } = seen.guest.server
  const stands = status?.vmState === 'error' && status.observedGeneration === metadata.generation && status.fault
  const failure = stands ? { code: reasonOf(stands.details), message: stands.message, final: true } : undefined
  // The controller takes it away from here when it has seen that; until then it must go on being said.
  const refused = stands && status.refused ? { refused: status.refused } : {}
  await say({ ...viewOf(seen, deps), ...(failure ? { failure } : {}) }, deps, refused)
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
  const announced = planned.action === 'create' && seen.server.status?.vmState === 'building'
  const server = announced ? seen.server : asSeen(seen.server, await say(view, deps))
  const guest = { ...seen, server }
  const startTime = deps.now()
  const failed = await run(guest, { ...view, server }, planned, deps, ctx)
  const key = server.metadata.uid ?? ''
  const failure = failed && deps.attempts.judge(key, planned, failed)
  if (failure && !failure.final) return retryLater({ guest, observed }, planned, failure, deps, ctx)
  deps.attempts.forget(key)
  const ended: Ended = {
    planned,
    host: deps.hostName,
    startTime,
    finishTime: deps.now(),
    ...(failure ? { failure } : {}),
  }
  return conclude(guest, ended, deps, ctx)
}

/** Others of this host go on while an image comes, or while a guest takes its time to power off. */
const patient = (host: LocalHost, { aside }: ReconcileContext): LocalHost => ({
  ...host,
  fetchImage: (guest, ctx) => aside(() => host.fetchImage(guest, ctx)),
  shutdown: (guest, seconds, ctx) => aside(() => host.shutdown(guest, seconds, ctx)),
})

/** The steps, with their progress written now and then. */
async function run(
  guest: Guest,
  view: View,
  planned: Planned,
  deps: Deps,
  ctx: ReconcileContext,
): Promise<Failure | undefined> {
  const { shutdownTimeout } = deps
  const host = patient(deps.host, ctx)
  const pass = async (message: string): Promise<void> => void (await say({ ...view, progress: message }, deps))
  const progress = throttle(PROGRESS_MS, pass, ctx.log)
  const onStep = (step: string, seconds: number): void => deps.onStep(planned.action, step, seconds)
  const { signal } = ctx
  try {
    return await runAction(planned, { host, guest, signal, progress: progress.call, onStep, shutdownTimeout })
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
  await say({ ...viewOf(seen, deps), running: planned, failure }, deps)
  return wait(failure.code, deps.attempts.holdMs(seen.guest.server.metadata.uid ?? '', planned.mark))
}

/** The action has ended, well or with a fault: the record first, then the status that counts it. */
async function conclude(guest: Guest, ended: Ended, deps: Deps, ctx: ReconcileContext): Promise<Outcome> {
  const { planned, failure } = ended
  const { server } = guest
  if (planned.action === 'delete' && !failure) {
    await release(server, deps)
    return done
  }
  if (planned.action === 'create' && failure) await cleanUp(guest, deps, ctx)
  const records = await record(server, ended, deps)
  const observed = await deps.host.observe(guest)
  const view = { ...viewOf({ guest, observed }, deps), records, finished: planned, ...(failure ? { failure } : {}) }
  const refused = planned.action === 'create' && failure?.refuse
  const more = refused ? { refused: { host: deps.hostName, reason: failure.message.slice(0, 1024) } } : {}
  await say(view, deps, more)
  tell(server, ended, deps)
  ctx.log.info(
    { action: planned.action, server: server.metadata.name, result: failure ? failure.code : 'Success' },
    'action ended',
  )
  return done
}

/** A creation that failed leaves nothing behind. */
async function cleanUp(guest: Guest, { host }: Deps, ctx: ReconcileContext): Promise<void> {
  const step = { signal: ctx.signal, progress: () => undefined }
  await host.destroy(guest, step)
  await host.undefine(guest, step)
  await host.unplugPorts(guest, step)
  await host.deleteDisks(guest, step)
}

/** Writes the record once; answers the count of records after it. */
async function record(server: Server, ended: Ended, deps: Deps): Promise<number> {
  const records = server.status?.records ?? 0
  const { deed } = ended.planned
  if (!deed) return recordChange(server, records, ended, deps)
  try {
    await deps.actions.apply(deedEnd(server, deed, ended), { fieldManager: AGENT_MANAGER })
  } catch (error) {
    // Deleted by its user (applied with its uid, it is not made anew): there is nothing to add.
    if (!isNotFound(error) && !isAnother(error)) throw error
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
    await deps.actions.create(draft, { fieldManager: AGENT_MANAGER })
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const there = await orNotFound(deps.actions.get(draft.metadata))
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

/** Writes the agent's part of the status if it says anything new. Answers the server as it is then. */
async function say(view: View, deps: Deps, more: object = {}): Promise<Server> {
  const { metadata, status: old } = view.server
  const status = { ...agentStatus(view), ...more }
  if (covers(old && mine(old), mine(status)) && !dropsAny(old ?? {}, status)) return view.server
  const written = await write(metadata, status, deps)
  deps.wrote(written)
  return written
}

/** Others write the object, too: this often in a row is no accident. */
const TRIES = 5

/**
 * Onto this very server, and as long as it is this host's. One may have been made anew under its name, and of a status the API server does
 * not compare the uid; so the resourceVersion says which one is meant. What else has changed in it is no matter.
 */
async function write(
  { name, namespace, uid, resourceVersion }: Server['metadata'],
  status: object,
  { servers, hostName }: Deps,
): Promise<Server> {
  const ref = { name, ...(namespace === undefined ? {} : { namespace }) }
  for (let tries = 1, version = resourceVersion; ; tries++) {
    const metadata = { ...ref, ...(version === undefined ? {} : { resourceVersion: version }) }
    try {
      return await servers.applyStatus({ metadata, status }, { fieldManager: AGENT_MANAGER })
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw error
      const now = await servers.get(ref)
      if (now.metadata.uid !== uid || now.status?.host !== hostName)
        throw new Transient('ServerNotOurs', `Server ${name} is another by now, or another host's`, { cause: error })
      version = now.metadata.resourceVersion
    }
  }
}

const myConditions = ['Ready', 'Reconciling', 'Stalled']

/** With the conditions that the agent writes, in one order; the others are the controller's. */
function mine<S extends Pick<ServerStatus, 'conditions'>>(status: S): S {
  const { conditions = [] } = status
  return { ...status, conditions: myConditions.flatMap((its) => conditions.filter(({ type }) => type === its)) }
}

/** Server-side apply takes out what is no longer said: that is a change, too. */
const optionalFields = ['taskState', 'fault', 'refused', 'completedAction'] as const
const dropsAny = (old: object, wanted: object): boolean =>
  optionalFields.some((field) => field in old && !(field in wanted))

/** Nothing of it is left on this host: the API server may forget it. */
async function release({ metadata }: Server, deps: Deps): Promise<void> {
  const { name, namespace, uid, resourceVersion, finalizers = [] } = metadata
  if (!finalizers.includes(FINALIZER)) return
  const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((f) => f !== FINALIZER) } }
  try {
    await deps.servers.patch({ name, namespace }, patch, { fieldManager: AGENT_MANAGER })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
