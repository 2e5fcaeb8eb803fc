import type { ServerAction } from '../../crds/index.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { done, type Outcome } from '../../kube/outcome.ts'
import { parseKey } from '../../kube/types.ts'
import { actionsByServer, deletionsByNamespace } from '../indexes.ts'
import { finishDeletionRecords } from './deletion-record.ts'
import { type CleanupStores, deleteOrphans } from './orphans.ts'
import { expiredDeletions, expiredRecords, type Retention } from './retention.ts'

export interface Retentions {
  records: Retention
  deletions: Retention
}

/** @param now milliseconds since the epoch */
export async function reconcileCleanup(
  key: string,
  stores: CleanupStores,
  { records, deletions }: Retentions,
  now = Date.now(),
): Promise<Outcome> {
  const { cache } = stores.actions
  await deleteOrphans(key, stores)
  await finishDeletionRecords(key, stores, new Date(now).toISOString())
  const { namespace = '' } = parseKey(key)
  await deleteRecords(expiredRecords(cache.byIndex(actionsByServer, key), records, now), stores)
  await deleteRecords(expiredDeletions(cache.byIndex(deletionsByNamespace, namespace), deletions, now), stores)
  return done
}

async function deleteRecords(records: readonly ServerAction[], { actions }: CleanupStores): Promise<void> {
  for (const { metadata } of records) {
    try {
      await actions.api.delete(metadata, { preconditions: { uid: metadata.uid }, propagation: 'Background' })
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }
}
