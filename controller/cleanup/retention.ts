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

/** The action records of one server that are to be deleted, oldest first. */
export function expiredRecords(
  records: readonly ServerAction[],
  { count, maxAgeMs }: Retention,
  now: number,
): ServerAction[] {
  const finished = records.filter(isFinished).sort((a, b) => finishedAt(b) - finishedAt(a))
  return finished.filter((record, i) => i >= count || now - finishedAt(record) > maxAgeMs).reverse()
}
