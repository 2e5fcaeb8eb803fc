// The state of Leases, judged by the observer's own clock: a lease has expired when this process has not seen it change
// for the lease's duration. The times that stand in the lease do not matter.
import type { Lease } from './builtin-kinds.ts'

/** A lease as last seen, and since when it has not changed. */
export interface LeaseObservation {
  holder: string
  /** Compared for equality only: the clock of the machine that wrote it may be off by hours. */
  renewTime: string
  durationMs: number
  /** When the holder or renewTime last changed, in monotonic milliseconds on the observer's clock. */
  since: number
}

/**
 * The observation after `lease` was read. `since` is `now` if the holder or renewTime has changed, else that of `last`.
 * Undefined if there is no lease, or if the lease has no holder.
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

/**
 * Whether the holder must have stopped by now. An observer that has just started has a new observation, so it waits one
 * whole duration before it calls any lease expired.
 */
export const isExpired = (observation: LeaseObservation, now: number): boolean =>
  now - observation.since >= observation.durationMs

/**
 * The next action of a candidate: `create` the lease, `renew` its own lease, `take` a lease that is free or expired, or
 * wait `waitMs` until the lease expires.
 */
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
 * Whether the holder of a lease is dead. The holder's silence counts only while the observer's watch works: after a gap
 * in the watch, every holder gets a whole duration again. The watch must also have brought an event or a bookmark after
 * the lease expired; otherwise the observer's own connection may be dead.
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
