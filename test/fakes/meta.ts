/** Metadata as the fake API server keeps it: preconditions, and what the server sets itself. Pure. */
import { type Obj, refuse, type Stored } from './store.ts'

export interface Preconditions {
  uid?: string | undefined
  resourceVersion?: string | undefined
}

export function precondition({ metadata }: Obj, { uid, resourceVersion }: Preconditions): void {
  if (uid !== undefined && uid !== metadata.uid)
    throw refuse(
      409,
      'Conflict',
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
    )
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw refuse(409, 'Conflict', `the object has been modified; please apply your changes to the latest version`)
}

export function sameUid({ metadata }: Obj, uid: string | undefined): void {
  if (uid === undefined || uid === metadata.uid) return
  const message = 'field is immutable'
  const details = { causes: [{ field: 'metadata.uid', reason: 'FieldValueInvalid', message }] }
  throw refuse(422, 'Invalid', `metadata.uid: Invalid value: "${uid}": ${message}`, details)
}

/** What the server sets and no writer can. */
export function system({
  uid,
  resourceVersion,
  generation,
  deletionTimestamp,
  ...rest
}: Obj['metadata']): Record<string, unknown> {
  const { creationTimestamp, deletionGracePeriodSeconds } = rest
  const all = { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** Before there was anything: nobody owns anything. */
export const nothing = (object: Obj): Stored => {
  const { apiVersion, kind } = object
  return { object: { apiVersion, kind, metadata: bare(object) as Obj['metadata'] }, managers: [] }
}

export const bare = ({ metadata: { name, namespace } }: Obj): object => ({ name, ...(namespace ? { namespace } : {}) })

/** Empty lists and maps of metadata are left out. */
export const filled = (metadata: Obj['metadata']): Obj['metadata'] =>
  Object.fromEntries(
    Object.entries(metadata).filter(([, v]) => typeof v !== 'object' || v === null || Object.keys(v).length > 0),
  ) as Obj['metadata']

/** Without members that are undefined, which JSON does not have. */
export const clean = (metadata: object): object =>
  Object.fromEntries(Object.entries(structuredClone(metadata)).filter(([, value]) => value !== undefined))
