import { resourceDefOf, type Server, server } from '../../crds/index.ts'
import { createAbortScope } from '../../kube/abort.ts'
import { defineIndex } from '../../kube/cache.ts'
import { defineChannel } from '../../kube/channel.ts'
import { type Controller, defineController } from '../../kube/controller.ts'
import type { LatestObjects } from '../../kube/latest-objects.ts'
import type { Outcome } from '../../kube/outcome.ts'
import type { ReconcileContext } from '../../kube/reconcile-loop.ts'
import { defineStore, type Store, type StoreDef } from '../../kube/store.ts'
import { keysOf } from '../../kube/types.ts'
import { watchChannel } from '../../kube/watch.ts'
import type { Deps } from './deps.ts'
import { type AgentState, findClosedGate } from './gates.ts'
import { reconcileServer } from './reconcile.ts'

export const serversOn = (hostName: string): StoreDef<Server> =>
  defineStore(resourceDefOf(server), { fieldSelector: `status.host=${hostName}` })

/** The UUID of a Server's domain. */
export const uuidOf = ({ metadata, spec, status }: Server): string =>
  status?.instance?.uuid ?? spec.uuid ?? metadata.uid ?? ''

const serversByUuid = defineIndex(resourceDefOf(server), 'by UUID', (s) => [uuidOf(s)])
export const serversByUid = defineIndex(resourceDefOf(server), 'by uid', ({ metadata }) => [metadata.uid])

/** Carries the UUID of a domain after an event from libvirt, or after the end of its background job (host/jobs.ts). */
export const domainChanged = defineChannel<string>('libvirt')
/** All Servers must be reconciled, because a fact about the host has changed or a resync is due. */
export const resyncDue = defineChannel<void>('resync')

export type RunningReconciles = Map<string, Pick<AbortController, 'abort'>>

export interface AgentServices {
  deps: Deps
  running: RunningReconciles
  /** The Servers as this agent last wrote them, each kept until the informer cache has that version. */
  latestServers: LatestObjects<Server>
  state(): AgentState
}

type ServerStores = { servers: Store<Server> }

export const createServerController = (servers: StoreDef<Server>, concurrency: number): Controller<AgentServices> =>
  defineController({
    name: 'servers',
    for: servers,
    stores: { servers },
    concurrency,
    watches: [
      watchChannel(domainChanged, {
        map: (uuid, { servers: { cache } }: ServerStores) => keysOf(cache.byIndex(serversByUuid, uuid)),
        priority: 'normal',
        because: 'A domain has changed, or a background job of it has ended.',
      }),
      watchChannel(resyncDue, {
        map: (_, { servers: { cache } }: ServerStores) => [...cache.keys()],
        priority: 'low',
        because: 'An event may be missed, so every Server is compared with its domain periodically.',
      }),
    ],
    reconcile: (key, ctx, services: AgentServices) => reconcileKey(key, ctx, services),
  })

/** If the Server is deleted meanwhile, the reconcile is aborted. A closed gate (gates.ts) prevents the reconcile. */
async function reconcileKey(
  key: string,
  ctx: ReconcileContext & { stores: ServerStores },
  { deps, running, latestServers, state }: AgentServices,
): Promise<Outcome | undefined> {
  const found = latestServers.latest(ctx.stores.servers.cache.get(key), key)
  if (!found) {
    deps.runs.forget(key)
    return undefined
  }
  const blocked = findClosedGate(found, state())
  if (blocked) return blocked
  using scope = createAbortScope([ctx.signal])
  if (!found.metadata.deletionTimestamp) running.set(key, scope)
  try {
    return await reconcileServer(found, deps, { ...ctx, signal: scope.signal })
  } catch (error) {
    if (!scope.signal.aborted || ctx.signal.aborted) throw error
    ctx.log.info({ server: key }, 'the action is given up, because the server is to be deleted or is gone')
    return { kind: 'changed' }
  } finally {
    running.delete(key)
  }
}
