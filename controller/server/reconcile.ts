/**
 * Reconciles a Server: schedules it, schedules it elsewhere if its host rejected it, reports whether its host is up,
 * deletes it.
 */
import { agentManagerOf, FINALIZER, type Server } from '../../crds/index.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { writeStatus } from '../../kube/write-status.ts'
import { hasFinishedAction, hasUsedSecret, releaseActionSlot } from '../action/slot.ts'
import { applyStatus } from '../apply-status.ts'
import { deleteOrphans } from '../cleanup/orphans.ts'
import { addFinalizer } from '../finalizer.ts'
import type { Hosts } from '../host/hosts.ts'
import { type PlaceDeps, placeServer } from './place.ts'
import { isReachabilityReported, reachableStatus, unreachableStatus } from './reachability.ts'
import { removeServer } from './remove.ts'
import { unassignedStatus } from './status.ts'

export interface ServerDeps extends PlaceDeps {
  hosts: Hosts
}

/** @param attempt which attempt in a row, from 1 */
export async function reconcileServer(key: string, deps: ServerDeps, attempt = 1): Promise<Outcome> {
  const { stores, clock } = deps
  const server = stores.servers.cache.get(key)
  if (!server) return deleteOrphans(key, stores)
  const now = (): string => clock.wall().toISOString()
  if (server.metadata.deletionTimestamp) return reconcileDelete(server, deps, now)
  if (!server.metadata.finalizers?.includes(FINALIZER)) return ensureFinalizer(server, deps)
  const host = server.status?.host
  const isRejected = isRejectedBy(host, server)
  // Free the slot first: the next host must not run the finished action, and the agent's fields, which say that it is
  // finished, are cleared next.
  if (mustReleaseSlot(server, stores, host === undefined || isRejected)) {
    await releaseActionSlot(server, stores)
    return wait('its slot to be free')
  }
  if (host === undefined) return scheduleServer(server, deps, attempt)
  if (isRejected) return unassignRejectedHost(server, host, deps)
  return updateHostReachable(server, host, deps, now())
}

/** @param leavesHost the server has no host, or one that rejected it */
const mustReleaseSlot = (server: Server, stores: ServerDeps['stores'], leavesHost: boolean): boolean =>
  hasUsedSecret(server) || (leavesHost && hasFinishedAction(server, stores))

/** Whether the server's host has rejected it, and the controller has not recorded that rejection yet. */
function isRejectedBy(host: string | undefined, { status }: Server): host is string {
  const { hostRejection, rejectedHosts = [] } = status ?? {}
  return host !== undefined && hostRejection?.host === host && !rejectedHosts.some((r) => r.host === host)
}

async function scheduleServer(server: Server, deps: ServerDeps, attempt: number): Promise<Outcome> {
  if (server.status?.domain) return clearAgentStatus(server, deps)
  // The server had a host that was down, and has no host now.
  if (!isReachabilityReported(server, true)) return reportReachable(server, deps)
  // An earlier server of the same name may have left Ports, whose names would be taken.
  await deleteOrphans(keyOf(server.metadata), deps.stores)
  return placeServer(server, deps, attempt)
}

/**
 * While the host is up, its agent deletes the server. The agent does nothing while the host is reported down, so it is
 * reported reachable first.
 */
async function reconcileDelete(server: Server, deps: ServerDeps, now: () => string): Promise<Outcome> {
  const { stores, hosts, events } = deps
  const { host } = server.status ?? {}
  if (host !== undefined && hosts.isUp(host)) return updateHostReachable(server, host, deps, now())
  return removeServer(server, { stores, hosts, events, now })
}

/** Adds the finalizer if no MutatingAdmissionPolicy has. The event of that change requeues the server. */
async function ensureFinalizer({ metadata }: Server, { stores }: ServerDeps): Promise<Outcome> {
  await addFinalizer(stores.servers.api, metadata, FINALIZER)
  return wait('its finalizer')
}

/**
 * The host could not build the server and has cleaned up. The server has no host again, and this host is not tried a
 * second time.
 */
async function unassignRejectedHost(
  server: Server,
  host: string,
  { stores, views, clock }: ServerDeps,
): Promise<Outcome> {
  const isLibvirtLost =
    server.status?.fault?.details === 'LibvirtUnreachable' && views.get(host)?.libvirtUnreachable === true
  const status = unassignedStatus(server, clock.wall().toISOString(), isLibvirtLost)
  await applyStatus(stores.servers.api, { kind: 'Server', owner: 'scheduler', seen: server, status })
  return wait('its placement elsewhere')
}

/**
 * Removes what the agent of the last host has written, in the name of that agent: it would stay until the next agent
 * writes. By now the scheduler owns the conditions that the agent wrote (see unassignedStatus): they stay, whole.
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
