import type { ServerAction } from '../../crds/index.ts'

export interface Retention {
  /** How many finished action records are kept for each server. */
  count: number
  /** Milliseconds after which a finished action record is deleted even if there are few. */
  maxAgeMs: number
}

const finishedAt = ({ metadata, status }: ServerAction): number =>
  Date.parse(status?.finishTime ?? metadata.creationTimestamp ?? '') || 0

const isFinished = ({ status }: ServerAction): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Rejected'

/**
 * Whether the ServerAction is the controller's record of a deletion, which outlives its Server (docs/adr/0062). The
 * record that an agent writes of a long deletion is not.
 */
export const isDeletionRecord = ({ status }: ServerAction): boolean => status?.deletedServer !== undefined

/** The action records of one server that are to be deleted, oldest first. */
export function expiredRecords(records: readonly ServerAction[], retention: Retention, now: number): ServerAction[] {
  return expired(
    records.filter((record) => !isDeletionRecord(record)),
    retention,
    now,
  )
}

/** The records of deletions that are to be deleted, oldest first. @param records those of one namespace */
export function expiredDeletions(records: readonly ServerAction[], retention: Retention, now: number): ServerAction[] {
  return expired(records.filter(isDeletionRecord), retention, now)
}

function expired(records: readonly ServerAction[], { count, maxAgeMs }: Retention, now: number): ServerAction[] {
  const finished = records.filter(isFinished).sort((a, b) => finishedAt(b) - finishedAt(a))
  return finished.filter((record, i) => i >= count || now - finishedAt(record) > maxAgeMs).reverse()
}
