/**
 * Deletes the Ports, ServerActions and HostSecrets of a deleted Server, if no present Server needs them. The garbage
 * collector misses objects without an owner reference, as after `kubectl delete server --cascade=orphan`.
 */
import type { ObjectMeta, Port, Server, ServerAction } from '../../crds/index.ts'
import { ignoreNotFound, isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import { type KubeObject, parseKey } from '../../kube/types.ts'
import { phaseOf } from '../action/phase.ts'
import { actionsByServer, portsByServer } from '../indexes.ts'
import type { Stores } from '../stores.ts'
import { isDeletionRecord } from './retention.ts'

export type CleanupStores = Pick<Stores, 'servers' | 'ports' | 'actions' | 'hostSecrets'>

interface Owned extends KubeObject {
  metadata: ObjectMeta
}

/**
 * Deletes what a former Server with this key (namespace/name) has left behind. The present Server is read from the API
 * server, because the cache of Servers may be older than that of Ports.
 */
export async function deleteOrphans(key: string, stores: CleanupStores): Promise<Outcome> {
  const cached = stores.servers.cache.get(key)
  const ports = stores.ports.cache.byIndex(portsByServer, key)
  const actions = stores.actions.cache.byIndex(actionsByServer, key)
  const hostSecrets = [stores.hostSecrets.cache.get(key) ?? []].flat()
  const orphansOf = (server: Server | undefined) => ({
    ports: ports.filter((port) => isOrphanedPort(port, server)),
    actions: actions.filter((action) => isOrphanedAction(action, server)),
    hostSecrets: hostSecrets.filter((secret) => !isOwnedBy(secret, server)),
  })
  if (Object.values(orphansOf(cached)).every((found) => found.length === 0)) return done
  const orphans = orphansOf(await ignoreNotFound(stores.servers.api.get(parseKey(key))))
  await Promise.all([
    deleteAll(orphans.ports, stores.ports.api),
    deleteAll(orphans.actions, stores.actions.api),
    deleteAll(orphans.hostSecrets, stores.hostSecrets.api),
  ])
  return done
}

const isOwnedBy = ({ metadata }: Owned, server: Server | undefined): boolean =>
  server !== undefined && (metadata.ownerReferences?.some(({ uid }) => uid === server.metadata.uid) ?? false)

/**
 * Whether no present Server owns or uses the Port. The garbage collector misses a Port without owner references, whose
 * addresses would never be free again.
 * @param server the present Server with the name in spec.server
 */
export const isOrphanedPort = (port: Port, server: Server | undefined): boolean =>
  port.spec.server !== undefined && !isOwnedBy(port, server) && !isUsedBy(port, server)

const isUsedBy = ({ metadata: { uid } }: Port, server: Server | undefined): boolean =>
  server !== undefined &&
  server.metadata.deletionTimestamp === undefined &&
  (server.status?.instance?.interfaces ?? []).some(({ portId }) => portId === uid)

/**
 * True if the action has an owner reference to a former Server. After `--cascade=orphan`, actions have no owner
 * reference: a finished action then stays as history, and a Running one is deleted unless it is younger than the
 * present Server, because no agent will finish it.
 */
function isOrphanedAction(action: ServerAction, server: Server | undefined): boolean {
  if (isOwnedBy(action, server) || isDeletionRecord(action)) return false
  if (action.metadata.ownerReferences?.some(({ kind }) => kind === 'Server')) return true
  return phaseOf(action) === 'Running' && !isYoungerThan(action, server)
}

/** Whether the object was created after the Server, or in the same second. False if there is no Server. */
const isYoungerThan = ({ metadata }: Owned, server: Server | undefined): boolean =>
  server !== undefined &&
  Date.parse(metadata.creationTimestamp ?? '') >= Date.parse(server.metadata.creationTimestamp ?? '')

/** Deletes by uid, so that a newer object with the same name is not deleted. */
async function deleteAll<T extends Owned>(objects: readonly T[], api: Resource<T>): Promise<void> {
  await Promise.all(
    objects.map(async ({ metadata }) => {
      const preconditions = { uid: metadata.uid }
      try {
        await api.delete(metadata, { preconditions, propagation: 'Background' })
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error
      }
    }),
  )
}
