import { newBadRequest, newNotImplemented } from '../../http/fault.ts'
import { isHostUp } from '../../state/compute-services.ts'
import { boolean, isTrue, querySchema, singleParameter } from '../../validation/schema.ts'
import { renderHypervisor, resourcesOf, uptimeOf } from '../../views/hypervisors.ts'
import { defineRoute } from '../route.ts'
import { listHypervisors } from '../services/services.ts'
import { describeHypervisor, findHypervisor, hypervisorRule, listServersOf, loadOf, matchHypervisors } from './find.ts'

export const hypervisorsShow = defineRoute<null>({
  name: 'hypervisors:show',
  method: 'GET',
  path: '/os-hypervisors/{hypervisor_id}',
  success: 200,
  policy: hypervisorRule('show'),
  query: {
    '2.1': querySchema({}),
    '2.53': querySchema({ with_servers: singleParameter(boolean) }, { additionalProperties: false }),
  },
  async handle(request) {
    const hypervisor = await findHypervisor(request)
    const asked = isTrue(request.query['with_servers']?.at(-1))
    const servers = asked ? await listServersOf(hypervisor, request) : undefined
    return { body: { hypervisor: await describeHypervisor(hypervisor, request, servers) } }
  },
})

export const hypervisorsUptime = defineRoute<null>({
  name: 'hypervisors:uptime',
  method: 'GET',
  path: '/os-hypervisors/{hypervisor_id}/uptime',
  until: '2.87',
  success: 200,
  policy: hypervisorRule('uptime'),
  async handle(request) {
    const hypervisor = await findHypervisor(request)
    if (!isHostUp(hypervisor))
      throw newBadRequest(`Compute service of ${hypervisor.metadata.name} is unavailable at this time.`)
    const uptime = uptimeOf(hypervisor, request.services.clock.wall())
    if (uptime === undefined) throw newNotImplemented('The requested functionality is not supported.')
    return { body: { hypervisor: { ...renderHypervisor(hypervisor, { version: request.version }), uptime } } }
  },
})

export const hypervisorsSearch = defineRoute<null>({
  name: 'hypervisors:search',
  method: 'GET',
  path: '/os-hypervisors/{hypervisor_id}/search',
  until: '2.52',
  success: 200,
  policy: hypervisorRule('search'),
  async handle(request) {
    const { version, params } = request
    const found = await matchHypervisors(params['hypervisor_id'] ?? '', request)
    return { body: { hypervisors: found.map((hypervisor) => renderHypervisor(hypervisor, { version })) } }
  },
})

export const hypervisorsServers = defineRoute<null>({
  name: 'hypervisors:servers',
  method: 'GET',
  path: '/os-hypervisors/{hypervisor_id}/servers',
  until: '2.52',
  success: 200,
  policy: hypervisorRule('servers'),
  async handle(request) {
    const { version, params } = request
    const found = await matchHypervisors(params['hypervisor_id'] ?? '', request)
    const rendered = found.map(async (hypervisor) =>
      renderHypervisor(hypervisor, { version, servers: await listServersOf(hypervisor, request) }),
    )
    return { body: { hypervisors: await Promise.all(rendered) } }
  },
})

const NO_HOST = { spec: { reserved: { ram: 0 } } }

export const hypervisorsStatistics = defineRoute<null>({
  name: 'hypervisors:statistics',
  method: 'GET',
  path: '/os-hypervisors/statistics',
  until: '2.87',
  success: 200,
  policy: hypervisorRule('statistics'),
  async handle(request) {
    const enabled = (await listHypervisors(request)).filter(({ spec }) => !spec.disabled)
    const total: Record<string, number> = { count: enabled.length, ...resourcesOf(NO_HOST, { servers: 0, busy: 0 }) }
    for (const hypervisor of enabled)
      for (const [name, value] of Object.entries(resourcesOf(hypervisor, await loadOf(hypervisor, request))))
        total[name] = (total[name] ?? 0) + value
    return { body: { hypervisor_statistics: total } }
  },
})
