/** RetryFilter: the host must not have rejected this server before. */
import type { Filter } from '../filter.ts'

export const retryFilter: Filter = {
  name: 'RetryFilter',
  scope: 'host',
  prepare({ ignoreHosts }) {
    if (ignoreHosts === undefined || ignoreHosts.length === 0) return undefined
    const excluded = new Set(ignoreHosts)
    return {
      passes: (host) => !excluded.has(host.name),
      reject: () => ({ summary: 'tried before', detail: 'rejected this server' }),
    }
  },
}
