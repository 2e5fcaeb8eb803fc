import { newApiError, type Obj, type Stored } from './store.ts'

export interface Preconditions {
  uid?: string | undefined
  resourceVersion?: string | undefined
}

/** @throws ApiError 409 if the object's uid or resourceVersion differs from the precondition */
export function checkPreconditions({ metadata }: Obj, { uid, resourceVersion }: Preconditions): void {
  if (uid !== undefined && uid !== metadata.uid)
    throw newApiError(
      409,
      'Conflict',
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
    )
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw newApiError(409, 'Conflict', `the object has been modified; please apply your changes to the latest version`)
}

/** @throws ApiError 422 if the write would change the uid */
export function checkUid({ metadata }: Obj, uid: string | undefined): void {
  if (uid === undefined || uid === metadata.uid) return
  const message = 'field is immutable'
  const details = { causes: [{ field: 'metadata.uid', reason: 'FieldValueInvalid', message }] }
  throw newApiError(422, 'Invalid', `metadata.uid: Invalid value: "${uid}": ${message}`, details)
}

export function systemFieldsOf({
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

export const makeTerminating = (metadata: Obj['metadata'], deletionTimestamp: string): Obj['metadata'] => ({
  ...metadata,
  generation: metadata.generation + 1,
  deletionTimestamp,
  deletionGracePeriodSeconds: 0,
})

export const makeEmptyStored = (object: Obj): Stored => {
  const { apiVersion, kind } = object
  return { object: { apiVersion, kind, metadata: identityOf(object) as Obj['metadata'] }, managers: [] }
}

export const identityOf = ({ metadata: { name, namespace } }: Obj): object => ({
  name,
  ...(namespace ? { namespace } : {}),
})

/** Drops empty lists and maps, as the real API server does. */
export const dropEmptyMembers = (metadata: Obj['metadata']): Obj['metadata'] =>
  Object.fromEntries(
    Object.entries(metadata).filter(([, v]) => typeof v !== 'object' || v === null || Object.keys(v).length > 0),
  ) as Obj['metadata']

export const dropUndefinedMembers = (metadata: object): object =>
  Object.fromEntries(Object.entries(structuredClone(metadata)).filter(([, value]) => value !== undefined))
