/**
 * Writes the status only if the object has not changed since the caller saw it: the server-side apply carries the
 * resourceVersion that the caller saw, so the API server answers 409 after any other write.
 */
import { hasFieldsOf } from './apply.ts'
import { isConflictOrUidMismatch, isNotFound } from './errors.ts'
import type { Resource } from './resource.ts'
import type { AnyMeta, Draft, KubeObject, ObjectMeta } from './types.ts'

/**
 * `conflict`: the object has changed since the caller saw it, so nothing was written; the watch event of the change
 * brings it back to the queue. `unchanged`: nothing was sent.
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
   * The status fields that `fieldManager` owns in the seen object. If they equal the new status, no request is sent. If
   * `owned` is absent, the request is always sent.
   */
  owned?: object | undefined
  /**
   * Use only for kinds without the status subresource. The API server ignores owner references in a write to a status
   * subresource.
   */
  ownerReferences?: ObjectMeta['ownerReferences']
}

/**
 * @param status all status fields that `fieldManager` is to own after the write. Server-side apply removes every other
 * field that `fieldManager` owns; undefined removes all of them.
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
 * `withUid` is for an apply of a whole object: without the uid, it would create an object again that was deleted
 * meanwhile. In an apply of the status subresource, the API server ignores the uid.
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
 * `owned` and `wanted` must have the same members. If a member is only in `owned`, a server-side apply without it is
 * needed to remove it. The order of conditions does not matter. `wanted` must include each member that has a default in
 * the schema, because `owned` always has it.
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
