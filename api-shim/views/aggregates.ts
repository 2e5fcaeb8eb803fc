import type { HostAggregate } from '../../crds/index.ts'
import { isoMicroseconds } from '../http/time.ts'
import { displayNameOf } from '../state/names.ts'
import { numericIdOf } from '../state/numeric-ids.ts'

/** The annotation with the time of the last change of the name or the zone. */
export const UPDATED_AT = 'compute.kubenova.io/updated-at'

/** Nova's metadata, which contain the zone. */
export const metadataOf = ({ spec }: HostAggregate): Record<string, string> => ({
  ...spec.metadata,
  ...(spec.availabilityZone === undefined ? {} : { availability_zone: spec.availabilityZone }),
})

/** @param updatedAt the time of a change that is not stored; default: the stored one */
export function renderAggregate(aggregate: HostAggregate, version: number, updatedAt?: Date): object {
  const { metadata, spec } = aggregate
  const updated = updatedAt ?? metadata.annotations?.[UPDATED_AT]
  return {
    id: numericIdOf(aggregate),
    ...(version >= 41 ? { uuid: metadata.uid } : {}),
    name: displayNameOf(aggregate),
    hosts: [...spec.hosts],
    metadata: metadataOf(aggregate),
    created_at: isoMicroseconds(metadata.creationTimestamp ?? new Date(0)),
    updated_at: updated === undefined ? null : isoMicroseconds(updated),
    deleted_at: null,
    deleted: false,
    availability_zone: spec.availabilityZone ?? null,
  }
}
