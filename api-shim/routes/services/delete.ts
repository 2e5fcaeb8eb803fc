/** DELETE /os-services/{service_id}: forgets a host that has gone for good. */
import type { HostAggregate } from '../../../crds/index.ts'
import { newConflict, newNotFound } from '../../http/fault.ts'
import { requireInteger, requireUuid } from '../../state/numeric-ids.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { aggregates, hypervisors, servers, serversByHost } from '../../state/stores.ts'
import { defineRoute } from '../route.ts'
import { listAggregates, listServices } from './services.ts'

export const servicesDelete = defineRoute<null>({
  name: 'services:delete',
  method: 'DELETE',
  path: '/os-services/{service_id}',
  success: 204,
  policy: { rule: 'os_compute_api:os-services:delete', role: 'admin' },
  async handle(request) {
    const { state, version } = request
    const id = request.params['service_id'] ?? ''
    const number = version >= 53 ? requireUuid(id) : requireInteger(id)
    const service = (await listServices(request)).find((candidate) =>
      number === undefined ? candidate.uuid === id.toLowerCase() : candidate.id === number,
    )
    if (!service) throw newNotFound(`Service ${id} not found.`)
    const { hypervisor, host } = service
    if (!hypervisor) throw newConflict(`Service ${id} is the controller, which registers itself while it runs.`)
    if ((await state.read(servers)).find(serversByHost, host).length > 0)
      throw newConflict(
        'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
      )
    for (const aggregate of await listAggregates(request)) {
      const withoutHost = ({ spec }: HostAggregate): MergePatch => ({
        spec: { hosts: spec.hosts.filter((name) => name !== host) },
      })
      if (aggregate.spec.hosts.includes(host)) await patchNewest(aggregates, aggregate, withoutHost, request)
    }
    await state.write(hypervisors).delete(hypervisor)
    return {}
  },
})
