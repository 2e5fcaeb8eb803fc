/** NumInstancesFilter: the host holds fewer servers than its spec.maxServers. */
import type { Filter } from '../filter.ts'

export const numInstancesFilter: Filter = {
  name: 'NumInstancesFilter',
  prepare: () => ({
    passes: (host) => host.maxServers === undefined || host.used.servers < host.maxServers,
    refusal: (host) => ({
      what: 'at maxServers',
      detail: `holds ${host.used.servers} of at most ${host.maxServers}`,
    }),
  }),
}
