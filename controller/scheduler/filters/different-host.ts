/**
 * DifferentHostFilter: the host must run none of the servers in schedulerHints.differentHost. As in Nova, a named
 * server that has no host yet excludes no host.
 */
import type { Filter } from '../filter.ts'

export const differentHostFilter: Filter = {
  name: 'DifferentHostFilter',
  scope: 'host',
  prepare({ differentHost }) {
    if (differentHost === undefined || differentHost.hosts.length === 0) return undefined
    const excluded = new Set(differentHost.hosts)
    return {
      passes: (host) => !excluded.has(host.name),
      reject: () => ({
        summary: 'the host of a server in schedulerHints.differentHost',
        detail: 'such a server is here',
      }),
    }
  },
}
