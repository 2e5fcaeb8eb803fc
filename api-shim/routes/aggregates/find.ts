import type { HostAggregate } from '../../../crds/index.ts'
import { newNotFound } from '../../http/fault.ts'
import { numericIdOf, requireInteger } from '../../state/numeric-ids.ts'
import type { RouteRequest } from '../route.ts'
import { listAggregates } from '../services/services.ts'

type Request = Pick<RouteRequest, 'state' | 'params'>

export const aggregateRule = (operation: string) =>
  ({ rule: `os_compute_api:os-aggregates:${operation}`, role: 'admin' }) as const

/** @param missing the text of the 404 */
export async function findAggregate(
  request: Request,
  missing = `Aggregate ${request.params['aggregate_id']} could not be found.`,
): Promise<HostAggregate> {
  const id = requireInteger(request.params['aggregate_id'] ?? '')
  const found = (await listAggregates(request)).find((aggregate) => numericIdOf(aggregate) === id)
  if (!found) throw newNotFound(missing)
  return found
}
