/** One Server: delete it, place it, place it elsewhere when its host refused, say whether its host is up. */
import { agentManagerOf, FINALIZER, type Server } from '../../crds/index.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { writeStatus } from '../../kube/write-status.ts'
import { hasFinishedAction, releaseActionSlot } from '../action/slot.ts'
import { applyStatus } from '../apply-status.ts'
import { sweep } from '../cleanup/sweep.ts'
import { hold } from '../finalizer.ts'
import type { Hosts } from '../host/hosts.ts'
import { type PlaceDeps, placeServer } from './place.ts'
import { isReachabilityReported, reachableStatus, unreachableStatus } from './reachability.ts'
import { removeServer } from './remove.ts'
import { unassignedStatus } from './status.ts'

export interface ServerDeps extends PlaceDeps {
  hosts: Hosts
}

/** @param attempt which one in a row */
export async function reconcileServer(key: string, deps: ServerDeps, attempt = 1): Promise<Outcome> {
  const { stores, clock } = deps
  const server = stores.servers.cache.get(key)
  if (!server) return sweep(key, stores)
  const now = (): string => clock.wall().toISOString()
  if (server.metadata.deletionTimestamp) return remove(server, deps, now)
  if (!server.metadata.finalizers?.includes(FINALIZER)) return keep(server, deps)
  const host = server.status?.host
  const isRejected = isRejectedBy(host, server)
  // With the agent's fields goes what says that the action has ended; and the next host must not run it.
  if ((host === undefined || isRejected) && hasFinishedAction(server, stores)) {
    await releaseActionSlot(server, stores)
    return wait('its slot to be free')
  }
  if (host === undefined) return find(server, deps, attempt)
  if (isRejected) return moveOn(server, host, deps)
  return reach(server, host, deps, now())
}

/** Whether its host has rejected it, and no rejection of that host was recorded before. */
function isRejectedBy(host: string | undefined, { status }: Server): host is string {
  const { hostRejection, rejectedHosts = [] } = status ?? {}
  return host !== undefined && hostRejection?.host === host && !rejectedHosts.some((r) => r.host === host)
}

/** A host for it. */
async function find(server: Server, deps: ServerDeps, attempt: number): Promise<Outcome> {
  if (server.status?.domain) return clearAgentStatus(server, deps)
  // Its last host was down, and it has none now.
  if (!isReachabilityReported(server, true)) return reportReachable(server, deps)
  // One of the same name may have been here before.
  await sweep(keyOf(server.metadata), deps.stores)
  return placeServer(server, deps, attempt)
}

/** Its agent does nothing as long as the host is said to be down. */
async function remove(server: Server, deps: ServerDeps, now: () => string): Promise<Outcome> {
  const { stores, hosts, events } = deps
  const { host } = server.status ?? {}
  if (host !== undefined && hosts.isUp(host)) return reach(server, host, deps, now())
  return removeServer(server, { stores, hosts, events, now })
}

/** The finalizer, where no MutatingAdmissionPolicy put it on. Its own event brings the server back here. */
async function keep({ metadata }: Server, { stores }: ServerDeps): Promise<Outcome> {
  await hold(stores.servers.api, metadata, FINALIZER)
  return wait('its finalizer')
}

/** The host could not build it and has cleaned up: without a host again, and that one is not asked a second time. */
async function moveOn(server: Server, host: string, { stores, views, clock }: ServerDeps): Promise<Outcome> {
  const isAway = server.status?.fault?.details === 'LibvirtUnreachable' && views.get(host)?.libvirtUnreachable === true
  const status = unassignedStatus(server, clock.wall().toISOString(), isAway)
  await applyStatus(stores.servers.api, { kind: 'Server', owner: 'scheduler', seen: server, status })
  return wait('its placement elsewhere')
}

/**
 * Removes what the agent of the last host has written, in the name of that agent: it would stay until the next agent writes. By now the
 * scheduler owns the conditions that the agent wrote (see unassignedStatus): they stay, whole.
 */
async function clearAgentStatus(server: Server, { stores }: ServerDeps): Promise<Outcome> {
  const { hostRejection, rejectedHosts = [] } = server.status ?? {}
  const host = hostRejection?.host ?? rejectedHosts.at(-1)?.host ?? ''
  await writeStatus(stores.servers.api, server, undefined, { fieldManager: agentManagerOf(host) })
  return wait('its placement elsewhere')
}

async function reach(server: Server, host: string, deps: ServerDeps, now: string): Promise<Outcome> {
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
