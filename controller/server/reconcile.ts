/** One Server: delete it, place it, place it elsewhere when its host refused, say whether its host is up. */
import { runningRequestOf } from '../../actions/admit.ts'
import { AGENT_MANAGER, FINALIZER, type Server } from '../../crds/index.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { hold } from '../finalizer.ts'
import type { Hosts } from '../host/hosts.ts'
import { MANAGER } from './manager.ts'
import { type PlaceDeps, placeServer } from './place.ts'
import { removeServer } from './remove.ts'
import { reachabilityStatus, saysReachability, withoutHost } from './status.ts'
import { sweep } from './sweep.ts'

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
  const { host, hostRejection, rejectedHosts = [] } = server.status ?? {}
  if (host === undefined) return find(server, deps, attempt)
  if (hostRejection?.host === host && !rejectedHosts.some((r) => r.host === host)) return moveOn(server, host, deps)
  return reach(server, host, deps, now())
}

/** A host for it. */
async function find(server: Server, deps: ServerDeps, attempt: number): Promise<Outcome> {
  if (server.status?.domain) return letGo(server, deps)
  // One of the same name may have been here before.
  await sweep(keyOf(server.metadata), deps.stores)
  return placeServer(asked(server), deps, attempt)
}

/** A new spec is a new try, and so is a start that is asked for: hosts that refused before may take it now. */
function asked(server: Server): Server {
  const { status, metadata } = server
  const again = status?.observedGeneration !== metadata.generation || runningRequestOf(server) !== undefined
  if (!status?.rejectedHosts || !again) return server
  const { rejectedHosts: _, ...rest } = status
  return { ...server, status: rest }
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
async function moveOn(server: Server, host: string, { stores, views }: ServerDeps): Promise<Outcome> {
  const isAway = server.status?.fault?.details === 'LibvirtUnreachable' && views.get(host)?.libvirtUnreachable === true
  const { name, namespace, resourceVersion } = server.metadata
  const metadata = { name, ...(namespace ? { namespace } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
  await stores.servers.api.applyStatus({ metadata, status: withoutHost(server, isAway) }, { fieldManager: MANAGER })
  return wait('its placement elsewhere')
}

/**
 * What the agent of its last host said is taken back in the agent's name. It would stay until the next agent writes; and of a condition
 * that both have written, the API server would keep half an item when we let go of it, and refuse that.
 */
async function letGo(server: Server, { stores }: ServerDeps): Promise<Outcome> {
  const { name, namespace, resourceVersion } = server.metadata
  const metadata = { name, ...(namespace ? { namespace } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
  // Something is left: an object that loses its last member is null to the API server, and refused.
  const status = { records: server.status?.records ?? 0 }
  await stores.servers.api.applyStatus({ metadata, status }, { fieldManager: AGENT_MANAGER })
  return wait('its placement elsewhere')
}

async function reach(server: Server, host: string, { stores, hosts }: ServerDeps, now: string): Promise<Outcome> {
  const up = hosts.isUp(host)
  if (saysReachability(server, up)) return done
  const { name, namespace, resourceVersion } = server.metadata
  // All that is ours is said again: it must be what it was, or a deed that was admitted meanwhile would lose its place.
  const metadata = { name, ...(namespace ? { namespace } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
  const status = reachabilityStatus(server, up, hosts.whyDown(host), now)
  try {
    await stores.servers.api.applyStatus({ metadata, status }, { fieldManager: MANAGER })
  } catch (error) {
    // Gone, or changed meanwhile: the watch brings what is now.
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
  return done
}
