/**
 * The types of conditions, and the reasons. A reason can be that of a condition or an event, the code of an error,
 * and `status.fault.details`. One table has for each its meaning, its HTTP status and what to do; guide, reference
 * and API derive from it.
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

/** Every reason. */
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

/** A reason that was read from an object, which may be older or newer than this program. */
export const reasonOf = (text: string | undefined): Reason => reasons.find((r) => r === text) ?? 'Unexpected'
