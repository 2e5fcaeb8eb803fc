/** What a deleted server leaves: its own ports and its records. The garbage collector of a full cluster does the same by owner. */
import type { ObjectMeta } from '../../crds/index.ts'
import { ignoreNotFound, isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import { type KubeObject, parseKey } from '../../kube/types.ts'
import { actionsByServer, portsByServer } from '../indexes.ts'
import type { Stores } from '../stores.ts'

export type CleanupStores = Pick<Stores, 'servers' | 'ports' | 'actions'>

interface Owned extends KubeObject {
  metadata: ObjectMeta
}

/**
 * Deletes what is owned by a Server of that key that is gone; what belongs to the one that is there now stays. That it is gone the API server
 * itself must say: the caches of ports and of servers are not of one moment, and that of servers may be the older one.
 */
export async function sweep(key: string, stores: CleanupStores): Promise<Outcome> {
  const cached = stores.servers.cache.get(key)?.metadata.uid
  const ports = stores.ports.cache.byIndex(portsByServer, key)
  const actions = stores.actions.cache.byIndex(actionsByServer, key)
  if (![...ports, ...actions].some(isOwnedByAnother(cached))) return done
  const uid = (await ignoreNotFound(stores.servers.api.get(parseKey(key))))?.metadata.uid
  await Promise.all([deleteAll(ports, stores.ports.api, uid), deleteAll(actions, stores.actions.api, uid)])
  return done
}

const isOwnedByAnother =
  (uid: string | undefined) =>
  ({ metadata }: Owned): boolean =>
    metadata.ownerReferences?.some((owner) => owner.kind === 'Server' && owner.uid !== uid) ?? false

/** Only this very object: one of the same name that was made since is not touched. */
async function deleteAll<T extends Owned>(
  objects: readonly T[],
  api: Resource<T>,
  keep: string | undefined,
): Promise<void> {
  await Promise.all(
    objects.filter(isOwnedByAnother(keep)).map(async ({ metadata }) => {
      const preconditions = { uid: metadata.uid }
      try {
        await api.delete(metadata, { preconditions, propagation: 'Background' })
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error
      }
    }),
  )
}
