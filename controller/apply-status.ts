/** Writes what one component of the controller owns of an object's status, if it differs from what the object says. */
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
  /** The object as the status was computed from it. Nothing is written onto a newer one. */
  seen: OwnedObjects[K]
  /** All that the component owns of the status: what is left out is removed. */
  status: StatusOf<O, K>
  /** Written with the status. Only of a kind without the status subresource. */
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
