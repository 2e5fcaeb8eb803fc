/** Which records of a server may go: ended ones beyond the number and the age that are kept. Pure. */
import type { ServerAction } from '../../crds/index.ts'

export interface Retention {
  /** Ended records kept for each server. */
  count: number
  /** And no longer than this. */
  maxAgeMs: number
}

const endOf = ({ metadata, status }: ServerAction): number =>
  Date.parse(status?.finishTime ?? metadata.creationTimestamp ?? '') || 0

const hasEnded = ({ status }: ServerAction): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Rejected'

/** The records of one server that are to be deleted, oldest first. */
export function expired(records: readonly ServerAction[], { count, maxAgeMs }: Retention, now: number): ServerAction[] {
  const ended = records.filter(hasEnded).sort((a, b) => endOf(b) - endOf(a))
  return ended.filter((record, i) => i >= count || now - endOf(record) > maxAgeMs).reverse()
}
