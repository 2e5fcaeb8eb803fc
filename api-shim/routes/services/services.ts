import type { HostAggregate, Hypervisor } from '../../../crds/index.ts'
import { type ComputeService, computeServiceOf, controllerServicesOf } from '../../state/compute-services.ts'
import { aggregates, hypervisors } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'

type Request = Pick<RouteRequest, 'state' | 'services'>

/** Oldest first, like Nova's IDs, which count up. */
export const byAge = (a: Pick<Hypervisor, 'metadata'>, b: Pick<Hypervisor, 'metadata'>): number =>
  (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
  a.metadata.name.localeCompare(b.metadata.name)

export const listHypervisors = async ({ state }: Pick<Request, 'state'>): Promise<Hypervisor[]> =>
  (await state.read(hypervisors)).list().toSorted(byAge)

export const listAggregates = async ({ state }: Pick<Request, 'state'>): Promise<HostAggregate[]> =>
  (await state.read(aggregates)).list().toSorted(byAge)

/** All services: those of the controller first, then one for each host. */
export async function listServices(request: Request): Promise<ComputeService[]> {
  const [hosts, groups, heartbeats] = await Promise.all([
    listHypervisors(request),
    listAggregates(request),
    request.services.heartbeats.read(),
  ])
  return [
    ...controllerServicesOf(heartbeats.controller),
    ...hosts.map((host) => computeServiceOf(host, groups, heartbeats.agents.get(host.metadata.name))),
  ]
}
