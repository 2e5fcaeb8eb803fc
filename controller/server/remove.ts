/**
 * Deletes a Server that has no host, or whose host is given up: by an annotation of the Server, by spec.forcedDown of
 * the Hypervisor, or because there is no such Hypervisor. Otherwise the agent of the host deletes the Server.
 */
import { FINALIZER, FORCE_DELETE, type Server } from '../../crds/index.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { applyStatus } from '../apply-status.ts'
import { removeFinalizer } from '../finalizer.ts'
import type { Hosts } from '../host/hosts.ts'
import type { Stores } from '../stores.ts'
import { deletionPendingStatus } from './reachability.ts'

export interface RemoveDeps {
  stores: Pick<Stores, 'servers'>
  hosts: Hosts
  events: EventRecorder
  now(): string
}

/**
 * `release`: whether the controller removes the Server's finalizer. `without`: why it does so without waiting for the
 * host's agent. `waiting`: why the deletion has to wait, if the agent cannot act now.
 */
type RemovalDecision = { release: true; without?: string } | { release: false; waiting?: string }

/** Decides whether the controller removes the finalizer, or waits until the agent of the host removes it. Pure. */
export function decideRemoval(
  server: Server,
  hosts: Pick<Hosts, 'exists' | 'isUp' | 'whyDown' | 'isForcedDown'>,
): RemovalDecision {
  const host = server.status?.host
  if (host === undefined) return { release: true }
  if (server.metadata.annotations?.[FORCE_DELETE] === 'true')
    return { release: true, without: `${FORCE_DELETE} was set` }
  if (!hosts.exists(host)) return { release: true, without: `there is no Hypervisor ${host} any more` }
  if (hosts.isForcedDown(host)) return { release: true, without: `Hypervisor ${host} is forced down` }
  if (hosts.isUp(host)) return { release: false }
  const help = `it is deleted when the host is back; to give the host up, set annotation ${FORCE_DELETE}=true`
  return { release: false, waiting: `${hosts.whyDown(host)}; ${help}` }
}

export async function removeServer(server: Server, deps: RemoveDeps): Promise<Outcome> {
  if (!server.metadata.finalizers?.includes(FINALIZER)) return done
  const decision = decideRemoval(server, deps.hosts)
  if (decision.release) {
    if (decision.without !== undefined)
      emitDeletionEvent(server, 'DeletedWithoutHost', `${decision.without}; ${CLEANUP_NOTE}`, deps)
    await removeFinalizer(deps.stores.servers.api, server.metadata, FINALIZER)
    return done
  }
  if (decision.waiting !== undefined) await reportDeletionPending(server, decision.waiting, deps)
  return wait('the agent of its host')
}

/** The reason of the Event, and the type of the condition, that report that a deletion waits for the host. */
const PENDING_EVENT = 'DeletionPending'
const CLEANUP_NOTE = 'what is left on the host is removed when its agent is back'

function emitDeletionEvent(server: Server, reason: string, note: string, { events }: RemoveDeps): void {
  events.event({ regarding: server, type: 'Warning', reason, action: 'Deleting', note })
}

async function reportDeletionPending(server: Server, message: string, deps: RemoveDeps): Promise<void> {
  const before = server.status?.conditions?.find(({ type }) => type === 'DeletionPending')
  if (before?.message === message) return
  const status = deletionPendingStatus(server, message, deps.now())
  const { servers } = deps.stores
  const { result } = await applyStatus(servers.api, { kind: 'Server', owner: 'nodeLifecycle', seen: server, status })
  if (result === 'written') emitDeletionEvent(server, PENDING_EVENT, message, deps)
}
