/** RetryFilter: not a host that refused this server already. */
import type { Filter } from '../filter.ts'

export const retryFilter: Filter = {
  name: 'RetryFilter',
  sees: 'host',
  prepare({ ignoreHosts }) {
    if (ignoreHosts === undefined || ignoreHosts.length === 0) return undefined
    const refused = new Set(ignoreHosts)
    return {
      passes: (host) => !refused.has(host.name),
      refusal: () => ({ what: 'tried before', detail: 'refused this server' }),
    }
  },
}
