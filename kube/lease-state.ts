// A lease has expired when this process has not seen it change for the lease's duration. The times in the lease do not
// matter, because the writer's clock may be off.
import type { Lease } from './builtin-kinds.ts'

export interface LeaseObservation {
  holder: string
  /** Compared for equality only, because the writer's clock may be off by hours. */
  renewTime: string
  durationMs: number
  /** When the holder or renewTime last changed, in monotonic milliseconds on the observer's clock. */
  since: number
}

/**
 * `since` is `now` if the holder or renewTime has changed, else that of `last`. Undefined if there is no lease or it
 * has no holder.
 */
export function observeLease(
  last: LeaseObservation | undefined,
  lease: Lease | undefined,
  now: number,
): LeaseObservation | undefined {
  const holder = lease?.spec?.holderIdentity
  if (!holder) return undefined
  const renewTime = lease.spec?.renewTime ?? ''
  const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000
  const isUnchanged = last?.holder === holder && last.renewTime === renewTime
  return { holder, renewTime, durationMs, since: isUnchanged ? last.since : now }
}

/** An observer that has just started waits one whole duration before it calls any lease expired. */
export const isExpired = (observation: LeaseObservation, now: number): boolean =>
  now - observation.since >= observation.durationMs

/** `waitMs`: the time until the lease expires. */
export type LeaseAction = 'create' | 'renew' | 'take' | { waitMs: number }

export function decideLeaseAction(
  identity: string,
  lease: Lease | undefined,
  observation: LeaseObservation | undefined,
  now: number,
): LeaseAction {
  if (!lease) return 'create'
  if (!observation) return 'take'
  if (observation.holder === identity) return 'renew'
  return isExpired(observation, now) ? 'take' : { waitMs: observation.durationMs - (now - observation.since) }
}

/** When the watch that brings the leases last worked, in ms on the observer's clock. */
export interface WatchHealth {
  /** The time since which no list or watch has failed. Undefined: the last one has failed. */
  connectedSince: number | undefined
  /** When the API server last sent something. Undefined: never. */
  lastContact: number | undefined
}

/**
 * Silence counts only while the observer's watch works: after a gap, every holder gets a whole duration again. The
 * watch must also have brought something after the lease expired; otherwise the observer's own connection may be dead.
 */
export function isHolderDead(
  observation: LeaseObservation,
  { connectedSince, lastContact }: WatchHealth,
  now: number,
): boolean {
  if (connectedSince === undefined || lastContact === undefined) return false
  const deadline = Math.max(observation.since, connectedSince) + observation.durationMs
  return now >= deadline && lastContact >= deadline
}
