/**
 * Writes the status of an object by compare-and-swap: a server-side apply with the resourceVersion that the caller has
 * seen.
 */
import { hasFieldsOf } from './apply.ts'
import { isConflictOrUidMismatch, isNotFound } from './errors.ts'
import type { Resource } from './resource.ts'
import type { AnyMeta, Draft, KubeObject, ObjectMeta } from './types.ts'

/**
 * `conflict`: the object has changed since the caller saw it, so nothing was written; the watch event of the change
 * brings the object back to the caller's queue. `gone`: the object no longer exists. `unchanged`: the object has this
 * status already, so nothing was sent.
 */
export type StatusWrite<T> =
  | { result: 'written' | 'unchanged'; object: T }
  | { result: 'conflict' | 'gone'; object?: never }

interface WithStatus extends KubeObject {
  status?: object | undefined
}

export interface StatusWriteOptions {
  fieldManager: string
  /**
   * The status fields that `fieldManager` owns in the object that the caller has read. If they equal the new status,
   * nothing is sent. Absent: the status is always sent.
   */
  owned?: object | undefined
  /**
   * Written together with the status, but only for kinds without the status subresource. With the subresource, the API
   * server ignores owner references.
   */
  ownerReferences?: ObjectMeta['ownerReferences']
}

/**
 * @param status all status fields that `fieldManager` is to own afterwards. Server-side apply removes a field that the
 * manager owned and that is missing here. undefined: the manager is to own no field any more
 */
export async function writeStatus<T extends WithStatus>(
  resource: Resource<T>,
  seen: T,
  status: T['status'] | undefined,
  { fieldManager, owned, ownerReferences }: StatusWriteOptions,
): Promise<StatusWrite<T>> {
  if (owned !== undefined && isSame(owned, status ?? {})) return { result: 'unchanged', object: seen }
  const { statusSubresource = true } = resource.def
  const metadata = {
    ...identityOf(seen.metadata, !statusSubresource),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
  }
  const draft = { metadata, ...(status === undefined ? {} : { status }) } as unknown as Draft<T>
  try {
    const write = statusSubresource ? resource.applyStatus : resource.apply
    return { result: 'written', object: await write(draft, { fieldManager }) }
  } catch (error) {
    if (isNotFound(error)) return { result: 'gone' }
    if (isConflictOrUidMismatch(error)) return { result: 'conflict' }
    throw error
  }
}

/**
 * The metadata that identifies the seen object. `withUid` is for an apply of a whole object. If the object was deleted
 * meanwhile, such an apply without the uid would create it again. In an apply of the status subresource, the API server
 * ignores the uid.
 */
function identityOf({ name, namespace, uid, resourceVersion }: AnyMeta, withUid: boolean): AnyMeta {
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined || !withUid ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  }
}

/**
 * Whether an apply of `wanted` would leave the manager's fields, `owned`, as they are. Both must have the same members,
 * because server-side apply removes members that are no longer sent. Only the order of conditions may differ. `wanted`
 * must also include each member for which the schema has a default: the API server adds such a member, so `owned`
 * always has it.
 */
function isSame(owned: object, wanted: object): boolean {
  const [old, now] = [owned, wanted].map(withSortedConditions)
  return hasFieldsOf(old, now) && hasFieldsOf(now, old)
}

function withSortedConditions(status: object): object {
  const conditions: unknown = Reflect.get(status, 'conditions')
  if (!Array.isArray(conditions)) return status
  const byType = (a: { type: string }, b: { type: string }): number => (a.type < b.type ? -1 : 1)
  return { ...status, conditions: (conditions as { type: string }[]).toSorted(byType) }
}
