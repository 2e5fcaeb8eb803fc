/** SameHostFilter: on the host of one of the servers that the hint names; while none of them has a host, nowhere. */
import type { Filter } from '../filter.ts'

export const sameHostFilter: Filter = {
  name: 'SameHostFilter',
  sees: 'host',
  prepare({ sameHost }) {
    if (sameHost === undefined || sameHost.hosts.length + sameHost.unresolved.length === 0) return undefined
    const wanted = new Set(sameHost.hosts)
    const detail =
      wanted.size > 0
        ? `need ${[...wanted].join(' or ')}`
        : `no host yet, or no such server: ${sameHost.unresolved.slice(0, 3).join(', ')}`
    return {
      passes: (host) => wanted.has(host.name),
      refusal: () => ({ what: 'not the host of a server in schedulerHints.sameHost', detail }),
    }
  },
}
