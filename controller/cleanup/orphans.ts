/**
 * Deletes orphans: the Ports, ServerActions and HostSecret that a deleted Server owned. In a cluster with
 * kube-controller-manager, its garbage collector does the same.
 */
import type { ObjectMeta } from '../../crds/index.ts'
import { ignoreNotFound, isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import { type KubeObject, parseKey } from '../../kube/types.ts'
import { actionsByServer, portsByServer } from '../indexes.ts'
import type { Stores } from '../stores.ts'

export type CleanupStores = Pick<Stores, 'servers' | 'ports' | 'actions' | 'hostSecrets'>

interface Owned extends KubeObject {
  metadata: ObjectMeta
}

/**
 * Deletes what a former Server with this key (namespace/name) owned, and keeps what its current Server owns. First asks
 * the API server for the current Server, because the cache of Servers may be older than the cache of Ports.
 */
export async function deleteOrphans(key: string, stores: CleanupStores): Promise<Outcome> {
  const cached = stores.servers.cache.get(key)?.metadata.uid
  const ports = stores.ports.cache.byIndex(portsByServer, key)
  const actions = stores.actions.cache.byIndex(actionsByServer, key)
  const hostSecrets = [stores.hostSecrets.cache.get(key) ?? []].flat()
  if (![...ports, ...actions, ...hostSecrets].some(isOwnedByFormer(cached))) return done
  const uid = (await ignoreNotFound(stores.servers.api.get(parseKey(key))))?.metadata.uid
  await Promise.all([
    deleteOrphansAmong(ports, stores.ports.api, uid),
    deleteOrphansAmong(actions, stores.actions.api, uid),
    deleteOrphansAmong(hostSecrets, stores.hostSecrets.api, uid),
  ])
  return done
}

const isOwnedByFormer =
  (uid: string | undefined) =>
  ({ metadata }: Owned): boolean =>
    metadata.ownerReferences?.some((owner) => owner.kind === 'Server' && owner.uid !== uid) ?? false

/** Deletes by uid, so that a newer object with the same name is not deleted. */
async function deleteOrphansAmong<T extends Owned>(
  objects: readonly T[],
  api: Resource<T>,
  currentUid: string | undefined,
): Promise<void> {
  await Promise.all(
    objects.filter(isOwnedByFormer(currentUid)).map(async ({ metadata }) => {
      const preconditions = { uid: metadata.uid }
      try {
        await api.delete(metadata, { preconditions, propagation: 'Background' })
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error
      }
    }),
  )
}
