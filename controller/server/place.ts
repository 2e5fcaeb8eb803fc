/**
 * Places one server: resolves the references of its spec, selects a host, claims its resources in the ledger
 * (scheduler/ledger.ts), allocates the ports, and writes the result in one write of the status.
 */
import { runningRequestOf } from '../../actions/admit.ts'
import { type HostRejection, type Instance, Refused, type Server } from '../../crds/index.ts'
import { isTransient } from '../../kube/errors.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { failed, type Outcome, wait } from '../../kube/outcome.ts'
import { failActiveAction } from '../action/fail-action.ts'
import { releaseActionSlot } from '../action/slot.ts'
import { applyStatus } from '../apply-status.ts'
import type { HostViews } from '../host/views.ts'
import { readImageCredentials, sealAuthorization } from '../image-credentials.ts'
import type { PortAllocator } from '../network/port-allocator.ts'
import type { Ledger } from '../scheduler/ledger.ts'
import { demandOf, type PlacementRequest, resolveHint } from '../scheduler/request.ts'
import { MAX_ATTEMPTS, selectHost } from '../scheduler/select-host.ts'
import { shouldReportInStatus } from '../should-report.ts'
import type { Stores } from '../stores.ts'
import { buildInstance } from './instance.ts'
import { type Lookup, type Resolved, resolveReferences } from './resolve.ts'
import { placedStatus, type SchedulerStatus, type UnscheduledReason, unscheduledStatus } from './status.ts'
import {
  isSecretLongMissing,
  readUserData,
  secretRetryDelay,
  sendUserData,
  type UserDataDeps,
  withdrawUserData,
} from './user-data.ts'

export interface PlaceDeps extends UserDataDeps {
  stores: Pick<Stores, 'servers' | 'actions' | 'ports' | 'hostSecrets' | 'hypervisors'>
  lookup: Lookup
  views: HostViews
  ledger: Ledger
  portAllocator: PortAllocator
  events: EventRecorder
  /**
   * Called when the resources set aside for a placement are free again, so that other servers may find room on the
   * host.
   */
  onClaimDropped(): void
  /** `now` returns monotonic milliseconds. */
  clock: { now(): number; wall(): Date }
}

/** A placement that the cache has not shown after this time was certainly not written. */
const CLAIM_MS = 60_000
/** Milliseconds after which the cache certainly shows a placement that was written. */
const SEEN_MS = 5000
/** Milliseconds after which the cache most likely has the newest version of an object. */
const NEWEST_MS = 20

/** @param attempt 1 for the first attempt since the last success, 2 for the second, and so on */
export async function placeServer(server: Server, deps: PlaceDeps, attempt: number): Promise<Outcome> {
  const now = deps.clock.wall().toISOString()
  const rejectedHosts = currentRejections(server)
  try {
    const resolved = resolveReferences(server, deps.lookup)
    const rejections = rejectedHosts.length
    if (rejections >= MAX_ATTEMPTS)
      return await markUnschedulable(server, `${rejections} hosts could not build it`, deps, now)
    const userData = await readUserData(server, deps)
    const authorization = await readImageCredentials(resolved.image, deps.secrets, 'and the server continues by itself')
    return await selectHostAndBind(server, { ...resolved, userData, authorization }, deps, now)
  } catch (error) {
    const nowMs = deps.clock.wall().getTime()
    if (shouldReportInStatus(error, attempt)) {
      const isInError = isSecretLongMissing(error, server, nowMs)
      const why = { reason: error.code, message: error.message, error: isInError, rejectedHosts }
      await reportUnscheduled(server, why, deps, now)
    }
    if (!(error instanceof Refused)) throw error
    const retryAfter = secretRetryDelay(error, server, nowMs)
    return retryAfter === undefined ? failed(error.code, error.message) : wait('its Secret', retryAfter)
  }
}

/**
 * If the spec has changed since the rejections, or a user has requested `start`, no rejection counts, and those hosts
 * may be chosen again.
 */
function currentRejections(server: Server): readonly HostRejection[] {
  const { status, metadata } = server
  const isNewTry = status?.observedGeneration !== metadata.generation || runningRequestOf(server) !== undefined
  return isNewTry ? [] : (status?.rejectedHosts ?? [])
}

interface ResolvedWithSecrets extends Resolved {
  userData: Uint8Array | undefined
  /** The value of the header Authorization for the download of the image; undefined: none is needed. */
  authorization: string | undefined
}

function placementRequestOf(
  server: Server,
  { flavor, image, userData, authorization }: ResolvedWithSecrets,
  ledger: Ledger,
): PlacementRequest {
  const { name, namespace = '', uid = '' } = server.metadata
  const { availabilityZone, schedulerHints } = server.spec
  const resolveHints = (names: readonly string[] | undefined) =>
    names && resolveHint(names, (other) => ledger.hostOf(namespace, other))
  const [sameHost, differentHost] = [
    resolveHints(schedulerHints?.sameHost),
    resolveHints(schedulerHints?.differentHost),
  ]
  return {
    server: { namespace, name, uid },
    flavor: flavor.spec,
    image: image.spec,
    ...(availabilityZone === undefined ? {} : { availabilityZone }),
    ...(sameHost ? { sameHost } : {}),
    ...(differentHost ? { differentHost } : {}),
    ...(userData || authorization !== undefined ? { needsSealingKey: true } : {}),
    ignoreHosts: currentRejections(server).map(({ host }) => host),
  }
}

async function selectHostAndBind(
  server: Server,
  resolved: ResolvedWithSecrets,
  deps: PlaceDeps,
  now: string,
): Promise<Outcome> {
  const { ledger, views, clock } = deps
  const request = placementRequestOf(server, resolved, ledger)
  const pending = pendingPlacement(request, deps)
  // The placement was written, but the cache does not show it yet: do not choose a host again.
  if (pending?.written) return wait('its placement to be seen', SEEN_MS)
  const placement = pending ? { placed: true as const, host: pending.host } : selectHost(request, views.table())
  if (!placement.placed) return markUnschedulable(server, placement.message, deps, now)
  const { host } = placement
  ledger.assume(request.server, host, demandOf(request.flavor, request.image), clock.now() + CLAIM_MS)
  try {
    const instance = await prepareInstance(server, resolved, { host, isRepeated: pending !== undefined }, deps)
    const rejectedHosts = currentRejections(server)
    const written = await applyPlacement(server, placedStatus(server, { host, instance, rejectedHosts }, now), deps)
    if (written) ledger.confirm(request.server)
    else if (!pending) dropClaim(request, deps)
  } catch (error) {
    if (!pending && !isTransient(error)) dropClaim(request, deps)
    throw error
  }
  return wait(`the agent of ${host}`)
}

async function prepareInstance(
  server: Server,
  resolved: ResolvedWithSecrets,
  { host, isRepeated }: { host: string; isRepeated: boolean },
  deps: PlaceDeps,
): Promise<Instance> {
  const { userData } = resolved
  const sealedCredentials = await sealCredentials(server, host, resolved, deps)
  const interfaces = await deps.portAllocator.allocate(server, resolved.nics)
  if (userData) await sendUserData(server, host, userData, deps, isRepeated)
  const facts = { availabilityZone: deps.views.get(host)?.zone ?? '', hasSecretUserData: userData !== undefined }
  const instance = buildInstance(server, resolved, interfaces, facts)
  if (sealedCredentials !== undefined) instance.image.sealedCredentials = sealedCredentials
  return instance
}

async function sealCredentials(
  server: Server,
  host: string,
  { image, authorization }: ResolvedWithSecrets,
  deps: PlaceDeps,
): Promise<string | undefined> {
  return authorization === undefined ? undefined : sealAuthorization(authorization, { image, server, host }, deps)
}

function dropClaim({ server }: PlacementRequest, { ledger, onClaimDropped }: PlaceDeps): void {
  ledger.forget(server)
  onClaimDropped()
}

/**
 * The write of an earlier attempt may have succeeded although it timed out, so the next attempt must choose the same
 * host. Undefined if that host can no longer be used.
 */
function pendingPlacement({ server, ignoreHosts = [] }: PlacementRequest, { ledger, views }: PlaceDeps) {
  const pending = ledger.pendingClaimOf(server)
  if (!pending || ignoreHosts.includes(pending.host)) return undefined
  return pending.written || views.get(pending.host)?.up === true ? pending : undefined
}

/**
 * Reports that no host can take the server, and then fails the requested start, if there is one. The report also
 * removes earlier host rejections, which do not count while a start is requested (currentRejections). If the start were
 * failed first, a crash before the report would leave the rejections, and they would count again.
 */
async function markUnschedulable(server: Server, why: string, deps: PlaceDeps, now: string): Promise<Outcome> {
  const rejectedHosts = currentRejections(server)
  const message = unschedulableMessage(rejectedHosts, why)
  const seen = await reportUnscheduled(
    server,
    { reason: 'NoValidHost', message, error: true, rejectedHosts },
    deps,
    now,
  )
  if (runningRequestOf(server) !== undefined && seen) {
    const isFailed = await failActiveAction(server, { reason: 'NoValidHost', message }, deps.stores, now)
    if (!isFailed) return wait('the newest ServerAction', NEWEST_MS)
    await releaseActionSlot(seen, deps.stores)
  }
  return failed('NoValidHost', message)
}

function unschedulableMessage(rejectedHosts: readonly HostRejection[], message: string): string {
  const rejections = rejectedHosts.map(({ host, reason }) => `${host} could not build it: ${reason}`)
  if (rejections.length === 0) return message
  return [message, ...rejections, 'to have them tried again, create a ServerAction with action: start'].join('; ')
}

/**
 * Reports why the server waits, in its status and as one Event.
 * @returns the Server after the write; undefined if the Server has been changed or deleted in the meantime
 */
async function reportUnscheduled(
  server: Server,
  why: UnscheduledReason,
  deps: PlaceDeps,
  now: string,
): Promise<Server | undefined> {
  await withdrawUserData(server, deps)
  const status = unscheduledStatus(server, why, now)
  const write = await applyStatus(deps.stores.servers.api, { kind: 'Server', owner: 'scheduler', seen: server, status })
  const { reason, message: note } = why
  if (write.result === 'written')
    deps.events.event({ regarding: server, type: 'Warning', reason, action: 'Scheduling', note })
  return write.object
}

/**
 * Returns whether the placement was written. The write is a compare-and-swap: if two controllers place the server at
 * once, only one succeeds.
 */
async function applyPlacement(server: Server, status: SchedulerStatus, { stores }: PlaceDeps): Promise<boolean> {
  const { result } = await applyStatus(stores.servers.api, { kind: 'Server', owner: 'scheduler', seen: server, status })
  // If the Server has changed, the event of that change requeues it.
  return result === 'written'
}
