/** NumInstancesFilter: the host must have fewer servers than its spec.maxServers. */
import type { Filter } from '../filter.ts'
import { freeCapacity } from '../free-capacity.ts'

export const numInstancesFilter: Filter = {
  name: 'NumInstancesFilter',
  scope: 'capacity',
  resource: 'servers',
  prepare: () => ({
    wanted: 1,
    passes: (host) => freeCapacity.servers(host) >= 1,
    reject: (host) => ({
      summary: 'at maxServers',
      detail: `has ${host.used.servers} of at most ${host.maxServers}`,
    }),
  }),
}
