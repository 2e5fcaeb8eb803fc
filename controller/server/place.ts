/** Placement of one server: follow its references, choose a host and claim it, make its ports, write all of it in one status. */
import { runningRequestOf } from '../../actions/admit.ts'
import { Refused, type Server } from '../../crds/index.ts'
import { isConflict, isNotFound, isTransient } from '../../kube/errors.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { failed, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { failDeed } from '../action/fail.ts'
import { isEnded } from '../action/reconcile.ts'
import type { HostViews } from '../host/views.ts'
import { lasts } from '../lasts.ts'
import type { PortAllocator } from '../network/port-allocator.ts'
import type { Ledger } from '../scheduler/ledger.ts'
import { demandOf, type PlacementRequest, resolveHint } from '../scheduler/request.ts'
import { MAX_ATTEMPTS, selectHost } from '../scheduler/select-host.ts'
import type { Stores } from '../stores.ts'
import { buildInstance } from './instance.ts'
import { MANAGER } from './manager.ts'
import { type Lookup, type Resolved, resolve } from './resolve.ts'
import { type ControllerStatus, placedStatus, type Waiting, waitingStatus } from './status.ts'

export interface PlaceDeps {
  stores: Stores
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

/** @param attempt which one in a row */
export async function placeServer(server: Server, deps: PlaceDeps, attempt: number): Promise<Outcome> {
  const now = deps.clock.wall().toISOString()
  try {
    const resolved = resolve(server, deps.lookup)
    const refused = server.status?.rejectedHosts?.length ?? 0
    if (refused >= MAX_ATTEMPTS) return await none(server, `${refused} hosts could not build it`, deps, now)
    return await choose(server, resolved, deps, now)
  } catch (error) {
    if (lasts(error, attempt))
      await say(server, { reason: error.code, message: error.message, error: false }, deps, now)
    if (!(error instanceof Refused)) throw error
    return failed(error.code, error.message)
  }
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
    ignoreHosts: (server.status?.rejectedHosts ?? []).map(({ host }) => host),
  }
}

async function choose(server: Server, resolved: Resolved, deps: PlaceDeps, now: string): Promise<Outcome> {
  const { ledger, views, clock } = deps
  const request = requestOf(server, resolved, ledger)
  const before = decided(request, deps)
  // The cache is behind: of what it does not show yet, nothing is decided twice.
  if (before?.written) return wait('its placement to be seen', SEEN_MS)
  const placement = before
    ? { placed: true as const, host: before.host, alternates: [] }
    : selectHost(request, views.table())
  if (!placement.placed) return none(server, placement.message, deps, now)
  const { host, alternates } = placement
  ledger.assume(request.server, host, demandOf(request.flavor, request.image), clock.now() + CLAIM_MS)
  try {
    const interfaces = await deps.portAllocator.allocate(server, resolved.nics)
    const availabilityZone = views.get(host)?.zone ?? ''
    const instance = buildInstance(server, resolved, interfaces, availabilityZone)
    const written = await write(
      server,
      placedStatus(withoutEnded(server, deps.stores), { host, alternates, instance }, now),
      deps,
    )
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

/** A controller that ended its deed, and died before it could free the slot, has told the user so: the host must not do it after all. */
function withoutEnded(server: Server, { actions }: Stores): Server {
  const { activeAction: action, ...rest } = server.status ?? {}
  const record = action && actions.cache.get(keyOf({ namespace: server.metadata.namespace, name: action.name }))
  const isOver = record !== undefined && record.metadata.uid === action?.uid && isEnded(record)
  return isOver ? { ...server, status: rest } : server
}

/** What was decided for it before, if that still stands. Of a write that got no answer nobody knows whether it was done: done again it must be the same. */
function decided({ server, ignoreHosts = [] }: PlacementRequest, { ledger, views }: PlaceDeps) {
  const before = ledger.pendingClaimOf(server)
  if (!before || ignoreHosts.includes(before.host)) return undefined
  return before.written || views.get(before.host)?.up === true ? before : undefined
}

/** No host can take it. */
async function none(server: Server, why: string, deps: PlaceDeps, now: string): Promise<Outcome> {
  const message = whyNone(server, why)
  if (runningRequestOf(server) !== undefined)
    await failDeed(server, { reason: 'NoValidHost', message }, deps.stores, now)
  await say(server, { reason: 'NoValidHost', message, error: true }, deps, now)
  return failed('NoValidHost', message)
}

/** With what each host said that was tried. */
function whyNone({ status }: Server, message: string): string {
  const rejectedHosts = (status?.rejectedHosts ?? []).map(({ host, reason }) => `${host} could not build it: ${reason}`)
  if (rejectedHosts.length === 0) return message
  return [message, ...rejectedHosts, 'to have them tried again, create a ServerAction with action: start'].join('; ')
}

/** Why it waits: in its status, and once as an event. */
async function say(server: Server, why: Waiting, deps: PlaceDeps, now: string): Promise<void> {
  const status = waitingStatus(server, why, now)
  if (says(server, status) || !(await write(server, status, deps))) return
  const { reason, message: note } = why
  deps.events.event({ regarding: server, type: 'Warning', reason, action: 'Scheduling', note })
}

/** Only onto the server as it was read: of two controllers at once, one writes. */
async function write(server: Server, status: ControllerStatus, { stores }: PlaceDeps): Promise<boolean> {
  const { name, namespace, resourceVersion } = server.metadata
  const metadata = { name, ...(namespace ? { namespace } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
  try {
    await stores.servers.api.applyStatus({ metadata, status }, { fieldManager: MANAGER })
    return true
  } catch (error) {
    // Gone, or changed meanwhile: the watch brings what is now.
    if (isNotFound(error) || isConflict(error)) return false
    throw error
  }
}

/** A server that waits on is not told so again. */
function says({ status: old }: Server, wanted: ControllerStatus): boolean {
  if (wanted.host !== undefined || old?.host !== undefined || old?.observedGeneration !== wanted.observedGeneration)
    return false
  if (old?.activeAction !== undefined && wanted.activeAction === undefined) return false
  const message = (list: ControllerStatus['conditions']): string | undefined =>
    list?.find(({ type }) => type === 'Scheduled')?.message
  return old?.vmState === wanted.vmState && message(old?.conditions) === message(wanted.conditions)
}
