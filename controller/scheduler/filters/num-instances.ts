/** NumInstancesFilter: the host holds fewer servers than its spec.maxServers. */
import type { Filter } from '../filter.ts'
import { rooms } from '../room.ts'

export const numInstancesFilter: Filter = {
  name: 'NumInstancesFilter',
  sees: 'room',
  room: 'servers',
  prepare: () => ({
    wanted: 1,
    passes: (host) => rooms.servers(host) >= 1,
    refusal: (host) => ({
      what: 'at maxServers',
      detail: `holds ${host.used.servers} of at most ${host.maxServers}`,
    }),
  }),
}
