// Leases judged by one's own clock: a lease is expired when WE have not seen it change for its duration, whatever its times say.
import type { Lease } from './builtin-kinds.ts'

/** What was seen of a lease, and since when (local, monotonic) it has looked like that. */
export interface LeaseObservation {
  holder: string
  /** The server's word, compared for equality only: clocks of other machines may be off by hours. */
  renewTime: string
  durationMs: number
  /** Local monotonic milliseconds. */
  since: number
}

/** The next sighting: `since` moves only when holder or renewTime did. No lease, or one without a holder, is undefined. */
export function observeLease(
  last: LeaseObservation | undefined,
  lease: Lease | undefined,
  now: number,
): LeaseObservation | undefined {
  const holder = lease?.spec?.holderIdentity
  if (!holder) return undefined
  const renewTime = lease.spec?.renewTime ?? ''
  const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000
  const same = last?.holder === holder && last.renewTime === renewTime
  return { holder, renewTime, durationMs, since: same ? last.since : now }
}

/**
 * Whether the holder may still believe that it holds. An observer that has just started sees a fresh sighting, hence waits one whole
 * duration before it calls anyone dead.
 */
export const isExpired = (sighting: LeaseObservation, now: number): boolean =>
  now - sighting.since >= sighting.durationMs

/** What a candidate does about a lease: `create` it, `renew` its own, `take` one that is free or expired, or `wait`. */
export type LeaseAction = 'create' | 'renew' | 'take' | { waitMs: number }

export function decideLeaseAction(
  me: string,
  lease: Lease | undefined,
  sighting: LeaseObservation | undefined,
  now: number,
): LeaseAction {
  if (!lease) return 'create'
  if (!sighting) return 'take'
  if (sighting.holder === me) return 'renew'
  return isExpired(sighting, now) ? 'take' : { waitMs: sighting.durationMs - (now - sighting.since) }
}

/** What an observer knows of its own ears: since when its watch has been whole, and when it last heard anything on it. */
export interface WatchHealth {
  connectedSince: number | undefined
  lastContact: number | undefined
}

/**
 * Whether a holder is dead as far as one who listens can tell. Silence counts only while we could hear: after a gap in our own watch
 * everyone gets a whole duration again, and some other sign of life (an event, a bookmark) must have come after the lease ran out, or it
 * may be our connection that is dead.
 */
export function isHolderDead(
  sighting: LeaseObservation,
  { connectedSince, lastContact }: WatchHealth,
  now: number,
): boolean {
  if (connectedSince === undefined || lastContact === undefined) return false
  const deadline = Math.max(sighting.since, connectedSince) + sighting.durationMs
  return now >= deadline && lastContact >= deadline
}
