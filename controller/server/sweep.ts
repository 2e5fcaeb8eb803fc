/** What a deleted server leaves: its own ports and its records. The garbage collector of a full cluster does the same by owner. */
import type { ObjectMeta } from '../../crds/index.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import type { Resource } from '../../kube/resource.ts'
import type { KubeObject } from '../../kube/types.ts'
import { BY_SERVER, type World } from '../world.ts'

interface Owned extends KubeObject {
  metadata: ObjectMeta
}

/** Deletes what is owned by a Server of that key that is gone; what belongs to the one that is there now stays. */
export async function sweep(key: string, world: World): Promise<Outcome> {
  const uid = world.servers.all.get(key)?.metadata.uid
  await Promise.all([
    deleteAll(world.ports.all.byIndex(BY_SERVER, key), world.ports.api, uid),
    deleteAll(world.actions.all.byIndex(BY_SERVER, key), world.actions.api, uid),
  ])
  return done
}

/** Only this very object: one of the same name that was made since is not touched. */
async function deleteAll<T extends Owned>(
  objects: readonly T[],
  api: Resource<T>,
  keep: string | undefined,
): Promise<void> {
  await Promise.all(
    objects.map(async ({ metadata }) => {
      if (!metadata.ownerReferences?.some(({ kind, uid }) => kind === 'Server' && uid !== keep)) return
      const preconditions = { uid: metadata.uid }
      try {
        await api.delete(metadata, { preconditions, propagation: 'Background' })
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error
      }
    }),
  )
}
