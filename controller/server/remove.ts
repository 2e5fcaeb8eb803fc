/** Deletion of a Server: its host's agent does it; the controller does it for a server that has no host, or whose host is given up. */
import { FINALIZER, FORCE_DELETE, type Server } from '../../crds/index.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { done, type Outcome, wait } from '../../kube/outcome.ts'
import { applyStatus } from '../apply-status.ts'
import { release } from '../finalizer.ts'
import type { Hosts } from '../host/hosts.ts'
import type { Stores } from '../stores.ts'
import { deletionPendingStatus } from './reachability.ts'

export interface RemoveDeps {
  stores: Pick<Stores, 'servers'>
  hosts: Hosts
  events: EventRecorder
  now(): string
}

/** `without`: why its host is not waited for. */
type Verdict = { release: true; without?: string } | { release: false; waiting?: string }

/** Who lets it go: pure. */
export function verdict(server: Server, hosts: Pick<Hosts, 'exists' | 'isUp' | 'whyDown' | 'isForcedDown'>): Verdict {
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
  const decided = verdict(server, deps.hosts)
  if (decided.release) {
    if (decided.without !== undefined) tell(server, 'DeletedWithoutHost', `${decided.without}; ${LEFT}`, deps)
    await release(deps.stores.servers.api, server.metadata, FINALIZER)
    return done
  }
  if (decided.waiting !== undefined) await sayWaiting(server, decided.waiting, deps)
  return wait('the agent of its host')
}

const LEFT = 'what is left on the host is removed when its agent is back'

/** For who looks at it by `kubectl describe` or `kubectl events`. */
function tell(server: Server, reason: string, note: string, { events }: RemoveDeps): void {
  events.event({ regarding: server, type: 'Warning', reason, action: 'Deleting', note })
}

async function sayWaiting(server: Server, message: string, deps: RemoveDeps): Promise<void> {
  const before = server.status?.conditions?.find(({ type }) => type === 'DeletionPending')
  if (before?.message === message) return
  const status = deletionPendingStatus(server, message, deps.now())
  const pending = 'DeletionPending'
  const { servers } = deps.stores
  const { result } = await applyStatus(servers.api, { kind: 'Server', owner: 'nodeLifecycle', seen: server, status })
  if (result === 'written') tell(server, pending, message, deps)
}
