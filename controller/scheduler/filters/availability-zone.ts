/**
 * AvailabilityZoneFilter: the host must be in the zone that the server asks for. A host that no aggregate puts into a
 * zone is in the default zone.
 */
import type { Filter } from '../filter.ts'

export const availabilityZoneFilter: Filter = {
  name: 'AvailabilityZoneFilter',
  scope: 'class',
  prepare({ availabilityZone: zone }) {
    if (zone === undefined) return undefined
    return {
      passes: (host) => host.zone === zone,
      reject: (host) => ({ summary: 'in another availability zone', detail: `need ${zone}, is in ${host.zone}` }),
    }
  },
}
