/** Keeps the records of a server to the number and the age that are kept; those that it owned go with it. */
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import { actionsByServer } from '../indexes.ts'
import { expired, type Retention } from './retention.ts'
import { type CleanupStores, sweep } from './sweep.ts'

/** @param now ms since the epoch */
export async function reconcileRecords(
  key: string,
  stores: CleanupStores,
  retention: Retention,
  now = Date.now(),
): Promise<Outcome> {
  await sweep(key, stores)
  const records = expired(stores.actions.cache.byIndex(actionsByServer, key), retention, now)
  for (const { metadata } of records) {
    try {
      await stores.actions.api.delete(metadata, { preconditions: { uid: metadata.uid }, propagation: 'Background' })
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }
  return done
}
