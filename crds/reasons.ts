/**
 * The types of conditions, and all reasons. A reason stands in conditions and events, is the code of an error, and is
 * written to `status.fault.details`. `reasonTable` has the meaning of each reason, its HTTP status in the Nova API, and
 * what to do about it. The guide and the reference are generated from this table.
 */
import { differenceReasons, differences } from './reasons/differences.ts'
import { guestReasons, guests } from './reasons/guests.ts'
import { hostReasons, hosts } from './reasons/hosts.ts'
import { imageReasons, images } from './reasons/images.ts'
import { networkReasons, networks } from './reasons/networks.ts'
import { progress, progressReasons } from './reasons/progress.ts'
import type { ReasonFacts, ReasonGroup } from './reasons/reason-table.ts'
import { referenceReasons, references } from './reasons/references.ts'
import { requestReasons, requests } from './reasons/requests.ts'

export const conditionTypes = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Scheduled',
  'HostReachable',
  'DeletionPending',
  'Accepted',
  'Complete',
] as const
export type ConditionType = (typeof conditionTypes)[number]

export const reasonTable = {
  ...progressReasons,
  ...requestReasons,
  ...referenceReasons,
  ...networkReasons,
  ...differenceReasons,
  ...imageReasons,
  ...guestReasons,
  ...hostReasons,
}
export type Reason = keyof typeof reasonTable

/** All reasons by group, in the order of the guide. */
export const reasonGroups: readonly (readonly [ReasonGroup, Readonly<Record<string, ReasonFacts>>])[] = [
  [progress, progressReasons],
  [requests, requestReasons],
  [references, referenceReasons],
  [networks, networkReasons],
  [differences, differenceReasons],
  [images, imageReasons],
  [guests, guestReasons],
  [hosts, hostReasons],
]

export const reasons = Object.keys(reasonTable) as Reason[]

/**
 * The reason that was read from an object. The object may have been written by an older or newer program, with a reason
 * that this program does not know; the result is then `Unexpected`.
 */
export const reasonOf = (text: string | undefined): Reason => reasons.find((r) => r === text) ?? 'Unexpected'
