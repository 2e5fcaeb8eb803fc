import { agentManagerOf, FINALIZER, type Server } from '../../crds/index.ts'
import type { Log } from '../../kube/log.ts'
import { done, mergeOutcomes, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { writeStatus } from '../../kube/write-status.ts'
import { hasFinishedAction, hasUsedSecret, releaseActionSlot } from '../action/slot.ts'
import { applyStatus } from '../apply-status.ts'
import { tryRecordDeletion } from '../cleanup/deletion-record.ts'
import { deleteOrphans } from '../cleanup/orphans.ts'
import { addFinalizer } from '../finalizer.ts'
import type { Hosts } from '../host/hosts.ts'
import { type PlaceDeps, placeServer } from './place.ts'
import { isReachabilityReported, reachableStatus, unreachableStatus } from './reachability.ts'
import { removeServer } from './remove.ts'
import { unassignedStatus } from './status.ts'
import { reconcileHostSecret, withdrawUserData } from './user-data.ts'

export interface ServerDeps extends PlaceDeps {
  hosts: Hosts
  log: Log
}

/** @param attempt 1 for the first attempt since the last success, 2 for the second, and so on */
export async function reconcileServer(key: string, deps: ServerDeps, attempt = 1): Promise<Outcome> {
  const { stores, clock } = deps
  const server = stores.servers.cache.get(key)
  if (!server) return deleteOrphans(key, stores)
  const now = (): string => clock.wall().toISOString()
  if (server.metadata.deletionTimestamp) return reconcileDelete(server, deps, now, attempt)
  if (!server.metadata.finalizers?.includes(FINALIZER)) return ensureFinalizer(server, deps)
  const host = server.status?.host
  const isRejected = isRejectedBy(host, server)
  // A finished action must leave status.activeAction before the server gets its next host. The next agent would run it
  // again, because lastCompletedAction is removed with the old agent's status (clearAgentStatus).
  if (mustReleaseSlot(server, stores, host === undefined || isRejected)) {
    await releaseActionSlot(server, stores)
    return wait('its slot to be free')
  }
  if (host === undefined) return scheduleServer(server, deps, attempt)
  if (isRejected) return unassignRejectedHost(server, host, deps)
  const delivery = await reconcileHostSecret(server, host, deps, ({ code: reason, message: note }) =>
    deps.events.event({ regarding: server, type: 'Warning', reason, action: 'Scheduling', note }),
  )
  return mergeOutcomes([await updateHostReachable(server, host, deps, now()), delivery])
}

/**
 * Whether the controller must remove the finished action from the slot: no agent will, because the server leaves its
 * host, or the parameters contain an encrypted secret that the agent has already used.
 * @param leavesHost whether the server has no host, or is about to leave a host that rejected it
 */
const mustReleaseSlot = (server: Server, stores: ServerDeps['stores'], leavesHost: boolean): boolean =>
  hasUsedSecret(server) || (leavesHost && hasFinishedAction(server, stores))

/** Whether the server's host has rejected it and the controller has not yet noted that in status.rejectedHosts. */
function isRejectedBy(host: string | undefined, { status }: Server): host is string {
  const { hostRejection, rejectedHosts = [] } = status ?? {}
  return host !== undefined && hostRejection?.host === host && !rejectedHosts.some((r) => r.host === host)
}

async function scheduleServer(server: Server, deps: ServerDeps, attempt: number): Promise<Outcome> {
  if (server.status?.domain) return clearAgentStatus(server, deps)
  // The server's last host was down, and a condition still reports that host as down.
  if (!isReachabilityReported(server, true)) return reportReachable(server, deps)
  // Ports of an earlier server with the same name may have the names that this server's Ports will get.
  await deleteOrphans(keyOf(server.metadata), deps.stores)
  return placeServer(server, deps, attempt)
}

/**
 * While the host is up, its agent deletes the server. The agent does nothing while the Server's status reports the host
 * as down, so the controller corrects such a status first.
 */
async function reconcileDelete(server: Server, deps: ServerDeps, now: () => string, attempt: number): Promise<Outcome> {
  const { stores, hosts, events } = deps
  const { host } = server.status ?? {}
  await tryRecordDeletion(server, deps, now(), attempt)
  if (host !== undefined && hosts.isUp(host)) return updateHostReachable(server, host, deps, now())
  return removeServer(server, { stores, hosts, events, now })
}

/** Adds the finalizer, if the MutatingAdmissionPolicy has not. The event of that change requeues the server. */
async function ensureFinalizer({ metadata }: Server, { stores }: ServerDeps): Promise<Outcome> {
  await addFinalizer(stores.servers.api, metadata, FINALIZER)
  return wait('its finalizer')
}

/**
 * The host could not build the server, and its agent has already cleaned up. The rejection is noted, so that this host
 * is not chosen again (see unassignedStatus for the exception).
 */
async function unassignRejectedHost(server: Server, host: string, deps: ServerDeps): Promise<Outcome> {
  const { stores, views, clock } = deps
  await withdrawUserData(server, deps)
  const isLibvirtLost =
    server.status?.fault?.details === 'LibvirtUnreachable' && views.get(host)?.unusable === 'LibvirtUnreachable'
  const status = unassignedStatus(server, clock.wall().toISOString(), isLibvirtLost)
  await applyStatus(stores.servers.api, { kind: 'Server', owner: 'scheduler', seen: server, status })
  return wait('its placement elsewhere')
}

/**
 * Removes the status fields of the last agent. The write uses the name of that agent's field manager, because that
 * manager owns the fields. The conditions stay, because the scheduler has taken them over (see unassignedStatus).
 */
async function clearAgentStatus(server: Server, { stores }: ServerDeps): Promise<Outcome> {
  const { hostRejection, rejectedHosts = [] } = server.status ?? {}
  const host = hostRejection?.host ?? rejectedHosts.at(-1)?.host ?? ''
  await writeStatus(stores.servers.api, server, undefined, { fieldManager: agentManagerOf(host) })
  return wait('its placement elsewhere')
}

async function updateHostReachable(server: Server, host: string, deps: ServerDeps, now: string): Promise<Outcome> {
  const { stores, hosts } = deps
  const isUp = hosts.isUp(host)
  if (isReachabilityReported(server, isUp)) return done
  if (isUp) return reportReachable(server, deps)
  const status = unreachableStatus(server, hosts.whyDown(host), now)
  await applyStatus(stores.servers.api, { kind: 'Server', owner: 'nodeLifecycle', seen: server, status })
  return done
}

async function reportReachable(server: Server, { stores }: ServerDeps): Promise<Outcome> {
  const status = reachableStatus(server)
  await applyStatus(stores.servers.api, { kind: 'Server', owner: 'nodeLifecycle', seen: server, status })
  return done
}
