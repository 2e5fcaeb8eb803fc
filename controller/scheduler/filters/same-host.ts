/**
 * SameHostFilter: the host must run one of the servers in schedulerHints.sameHost. While none of them has a host, no
 * host passes.
 */
import type { Filter } from '../filter.ts'

export const sameHostFilter: Filter = {
  name: 'SameHostFilter',
  scope: 'host',
  prepare({ sameHost }) {
    if (sameHost === undefined || sameHost.hosts.length + sameHost.unresolved.length === 0) return undefined
    const allowed = new Set(sameHost.hosts)
    const detail =
      allowed.size > 0
        ? `need ${[...allowed].join(' or ')}`
        : `no host yet, or no such server: ${sameHost.unresolved.slice(0, 3).join(', ')}`
    return {
      passes: (host) => allowed.has(host.name),
      reject: () => ({ summary: 'not the host of a server in schedulerHints.sameHost', detail }),
    }
  },
}
