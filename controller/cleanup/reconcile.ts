import { isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import { actionsByServer } from '../indexes.ts'
import { type CleanupStores, deleteOrphans } from './orphans.ts'
import { expiredRecords, type Retention } from './retention.ts'

/** @param now milliseconds since the epoch */
export async function reconcileCleanup(
  key: string,
  stores: CleanupStores,
  retention: Retention,
  now = Date.now(),
): Promise<Outcome> {
  await deleteOrphans(key, stores)
  const records = expiredRecords(stores.actions.cache.byIndex(actionsByServer, key), retention, now)
  for (const { metadata } of records) {
    try {
      await stores.actions.api.delete(metadata, { preconditions: { uid: metadata.uid }, propagation: 'Background' })
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }
  return done
}
