/** Placement of one server: follow its references, choose a host and claim it, make its ports, write all of it in one status. */
import { runningRequestOf } from '../../actions/admit.ts'
import { type HostRejection, Refused, type Server } from '../../crds/index.ts'
import { isTransient } from '../../kube/errors.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { failed, type Outcome, wait } from '../../kube/outcome.ts'
import { failDeed } from '../action/fail.ts'
import { releaseActionSlot } from '../action/slot.ts'
import { applyStatus } from '../apply-status.ts'
import type { HostViews } from '../host/views.ts'
import { lasts } from '../lasts.ts'
import type { PortAllocator } from '../network/port-allocator.ts'
import type { Ledger } from '../scheduler/ledger.ts'
import { demandOf, type PlacementRequest, resolveHint } from '../scheduler/request.ts'
import { MAX_ATTEMPTS, selectHost } from '../scheduler/select-host.ts'
import type { Stores } from '../stores.ts'
import { buildInstance } from './instance.ts'
import { type Lookup, type Resolved, resolveReferences } from './resolve.ts'
import { placedStatus, type SchedulerStatus, type Waiting, waitingStatus } from './status.ts'

export interface PlaceDeps {
  stores: Pick<Stores, 'servers' | 'actions' | 'ports'>
  lookup: Lookup
  views: HostViews
  ledger: Ledger
  portAllocator: PortAllocator
  events: EventRecorder
  /** A claim was taken back: others may have been refused for it. */
  onRoom(): void
  /** Monotonic milliseconds, and RFC 3339. */
  clock: { now(): number; wall(): Date }
}

/** A claim that the watch has not shown by then was not written. */
const CLAIM_MS = 60_000
/** The cache has a placement long before. */
const SEEN_MS = 5000
/** The newest version of an object comes by the watch before. */
const NEWEST_MS = 20

/** @param attempt which one in a row */
export async function placeServer(server: Server, deps: PlaceDeps, attempt: number): Promise<Outcome> {
  const now = deps.clock.wall().toISOString()
  const rejectedHosts = rejectionsInForce(server)
  try {
    const resolved = resolveReferences(server, deps.lookup)
    const rejections = rejectedHosts.length
    if (rejections >= MAX_ATTEMPTS) return await none(server, `${rejections} hosts could not build it`, deps, now)
    return await choose(server, resolved, deps, now)
  } catch (error) {
    if (lasts(error, attempt)) {
      const why = { reason: error.code, message: error.message, error: false, rejectedHosts }
      await reportUnscheduled(server, why, deps, now)
    }
    if (!(error instanceof Refused)) throw error
    return failed(error.code, error.message)
  }
}

/** The rejections that still count. A new spec is a new try, and so is a start that is asked for: hosts that rejected it before may take it now. */
function rejectionsInForce(server: Server): readonly HostRejection[] {
  const { status, metadata } = server
  const isNewTry = status?.observedGeneration !== metadata.generation || runningRequestOf(server) !== undefined
  return isNewTry ? [] : (status?.rejectedHosts ?? [])
}

function requestOf(server: Server, { flavor, image }: Resolved, ledger: Ledger): PlacementRequest {
  const { name, namespace = '', uid = '' } = server.metadata
  const { availabilityZone, schedulerHints } = server.spec
  const hosts = (names: readonly string[] | undefined) =>
    names && resolveHint(names, (other) => ledger.hostOf(namespace, other))
  const [sameHost, differentHost] = [hosts(schedulerHints?.sameHost), hosts(schedulerHints?.differentHost)]
  return {
    server: { namespace, name, uid },
    flavor: flavor.spec,
    image: image.spec,
    ...(availabilityZone === undefined ? {} : { availabilityZone }),
    ...(sameHost ? { sameHost } : {}),
    ...(differentHost ? { differentHost } : {}),
    ignoreHosts: rejectionsInForce(server).map(({ host }) => host),
  }
}

async function choose(server: Server, resolved: Resolved, deps: PlaceDeps, now: string): Promise<Outcome> {
  const { ledger, views, clock } = deps
  const request = requestOf(server, resolved, ledger)
  const before = decided(request, deps)
  // The cache is behind: of what it does not show yet, nothing is decided twice.
  if (before?.written) return wait('its placement to be seen', SEEN_MS)
  const placement = before ? { placed: true as const, host: before.host } : selectHost(request, views.table())
  if (!placement.placed) return none(server, placement.message, deps, now)
  const { host } = placement
  ledger.assume(request.server, host, demandOf(request.flavor, request.image), clock.now() + CLAIM_MS)
  try {
    const interfaces = await deps.portAllocator.allocate(server, resolved.nics)
    const availabilityZone = views.get(host)?.zone ?? ''
    const instance = buildInstance(server, resolved, interfaces, availabilityZone)
    const rejectedHosts = rejectionsInForce(server)
    const written = await write(server, placedStatus(server, { host, instance, rejectedHosts }, now), deps)
    if (written) ledger.confirm(request.server)
    else if (!before) takeBack(request, deps)
  } catch (error) {
    if (!before && !isTransient(error)) takeBack(request, deps)
    throw error
  }
  return wait(`the agent of ${host}`)
}

function takeBack({ server }: PlacementRequest, { ledger, onRoom }: PlaceDeps): void {
  ledger.forget(server)
  onRoom()
}

/** What was decided for it before, if that still stands. Of a write that got no answer nobody knows whether it was done: done again it must be the same. */
function decided({ server, ignoreHosts = [] }: PlacementRequest, { ledger, views }: PlaceDeps) {
  const before = ledger.pendingClaimOf(server)
  if (!before || ignoreHosts.includes(before.host)) return undefined
  return before.written || views.get(before.host)?.up === true ? before : undefined
}

/** No host can take it. A start that was asked of it ends with that; its rejections are forgotten first, so that it may be placed on any host later. */
async function none(server: Server, why: string, deps: PlaceDeps, now: string): Promise<Outcome> {
  const rejectedHosts = rejectionsInForce(server)
  const message = whyNone(rejectedHosts, why)
  const seen = await reportUnscheduled(
    server,
    { reason: 'NoValidHost', message, error: true, rejectedHosts },
    deps,
    now,
  )
  if (runningRequestOf(server) !== undefined && seen) {
    const isFailed = await failDeed(server, { reason: 'NoValidHost', message }, deps.stores, now)
    if (!isFailed) return wait('the newest ServerAction', NEWEST_MS)
    await releaseActionSlot(seen, deps.stores)
  }
  return failed('NoValidHost', message)
}

/** With what each host said that was tried. */
function whyNone(rejectedHosts: readonly HostRejection[], message: string): string {
  const rejections = rejectedHosts.map(({ host, reason }) => `${host} could not build it: ${reason}`)
  if (rejections.length === 0) return message
  return [message, ...rejections, 'to have them tried again, create a ServerAction with action: start'].join('; ')
}

/** Reports in the status why it waits, and once as an event. Answers the Server as it is then; undefined: it has changed since, or is gone. */
async function reportUnscheduled(
  server: Server,
  why: Waiting,
  deps: PlaceDeps,
  now: string,
): Promise<Server | undefined> {
  const status = waitingStatus(server, why, now)
  const write = await applyStatus(deps.stores.servers.api, { kind: 'Server', owner: 'scheduler', seen: server, status })
  const { reason, message: note } = why
  if (write.result === 'written')
    deps.events.event({ regarding: server, type: 'Warning', reason, action: 'Scheduling', note })
  return write.object
}

/** Only onto the server as it was read: of two controllers at once, one writes. */
async function write(server: Server, status: SchedulerStatus, { stores }: PlaceDeps): Promise<boolean> {
  const { result } = await applyStatus(stores.servers.api, { kind: 'Server', owner: 'scheduler', seen: server, status })
  // Gone, or changed meanwhile: the watch brings what is now.
  return result === 'written'
}
