import { newBadRequest, policyForbids } from '../../http/fault.ts'
import { DEFAULT_ZONE } from '../../state/compute-services.ts'
import { aggregates } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'

/** The names of all zones. */
export const zonesOf = ({ state }: Pick<RouteRequest<never>, 'state'>): Set<string> =>
  new Set([
    DEFAULT_ZONE,
    ...state.shared
      .storeOf(aggregates)
      .cache.list()
      .flatMap(({ spec }) => spec.availabilityZone ?? []),
  ])

function refuseHost({ can }: Pick<RouteRequest<never>, 'can'>, rule: string): never {
  if (!can({ role: 'admin' })) throw policyForbids(rule)
  throw newBadRequest('A host cannot be chosen: use a zone, or scheduler hints.')
}

/** Throws if the request names a host: Nova allows that to administrators, this cloud to nobody. */
export function checkDestination(
  { host, hypervisor_hostname: node }: { host?: string | undefined; hypervisor_hostname?: string | undefined },
  request: Pick<RouteRequest<never>, 'can'>,
): void {
  if (host !== undefined || node !== undefined) refuseHost(request, 'compute:servers:create:requested_destination')
}

/** The zone that a request asks for. Throws if the request also names a host, as zone:host:node. */
export function checkZone(
  zone: string | undefined,
  request: Pick<RouteRequest<never>, 'state' | 'can'>,
): string | undefined {
  if (zone === undefined) return undefined
  const parts = zone.split(':')
  if (parts.length > 3) throw newBadRequest('Invalid input received: Unable to parse availability_zone')
  if (parts.length > 1) refuseHost(request, 'os_compute_api:servers:create:forced_host')
  if (!zonesOf(request).has(zone)) throw newBadRequest('The requested availability zone is not available')
  return zone
}
