/**
 * The types of conditions, and all reasons. A reason occurs in conditions, events and `status.fault.details`, and is
 * the code of an error. The guide and the reference are generated from `reasonTable`.
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
  'VersionSkew',
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

/** A reason that this program does not know, written by an older or newer program, becomes `Unexpected`. */
export const reasonOf = (text: string | undefined): Reason => reasons.find((r) => r === text) ?? 'Unexpected'
