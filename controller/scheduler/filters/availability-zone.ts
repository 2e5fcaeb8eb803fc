/** AvailabilityZoneFilter: the host is in the zone that was asked for; one without a zone is in the default zone. */
import type { Filter } from '../filter.ts'

export const availabilityZoneFilter: Filter = {
  name: 'AvailabilityZoneFilter',
  sees: 'kind',
  prepare({ availabilityZone: zone }) {
    if (zone === undefined) return undefined
    return {
      passes: (host) => host.zone === zone,
      refusal: (host) => ({ what: 'in another availability zone', detail: `need ${zone}, is in ${host.zone}` }),
    }
  },
}
