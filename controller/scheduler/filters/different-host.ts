/** DifferentHostFilter: on no host of the servers that the hint names; one that has no host yet forbids none, as in Nova. */
import type { Filter } from '../filter.ts'

export const differentHostFilter: Filter = {
  name: 'DifferentHostFilter',
  sees: 'host',
  prepare({ differentHost }) {
    if (differentHost === undefined || differentHost.hosts.length === 0) return undefined
    const taken = new Set(differentHost.hosts)
    return {
      passes: (host) => !taken.has(host.name),
      refusal: () => ({
        what: 'the host of a server in schedulerHints.differentHost',
        detail: 'such a server is here',
      }),
    }
  },
}
