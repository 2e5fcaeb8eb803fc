/** Writes the part of an object's status that one component of the controller owns, if that part has changed. */
import {
  type ControllerOwner,
  fieldManagerOf,
  type ObjectMeta,
  type OwnedKind,
  type OwnedObjects,
  ownedStatus,
  type StatusOf,
} from '../crds/index.ts'
import type { Resource } from '../kube/resource.ts'
import { type StatusWrite, writeStatus } from '../kube/write-status.ts'

export interface OwnStatus<K extends OwnedKind, O extends ControllerOwner> {
  kind: K
  owner: O
  /** The object that the status was computed from. If the object has changed since, nothing is written. */
  seen: OwnedObjects[K]
  /** All status fields that the component owns; those that are absent here are removed. */
  status: StatusOf<O, K>
  /**
   * Owner references to write together with the status. Only for a kind without the status subresource: with the
   * subresource, the API server ignores metadata in a status write.
   */
  ownerReferences?: ObjectMeta['ownerReferences']
}

export function applyStatus<K extends OwnedKind, O extends ControllerOwner>(
  api: Resource<OwnedObjects[K]>,
  { kind, owner, seen, status, ownerReferences }: OwnStatus<K, O>,
): Promise<StatusWrite<OwnedObjects[K]>> {
  const isEmpty = Object.keys(status).length === 0
  return writeStatus<OwnedObjects[K]>(api, seen, isEmpty ? undefined : status, {
    fieldManager: fieldManagerOf(owner),
    owned: ownedStatus(kind, owner, seen.status),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
  })
}
