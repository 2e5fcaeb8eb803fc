import type { HostView, Limits } from './host-view.ts'

/**
 * As in Nova's placement service, a server fits if used + wanted <= limit and wanted <= maxPerServer (Nova's max_unit).
 * -1: the agent has not reported the capacity, so not even a server that needs nothing fits.
 */
function freeCapacityOf(resource: keyof Limits): (host: HostView) => number {
  return ({ limits, used }) => {
    if (limits === undefined) return -1
    const { limit, maxPerServer } = limits[resource]
    return Math.min(maxPerServer, limit - used[resource])
  }
}

export const freeCapacity = {
  vcpus: freeCapacityOf('vcpus'),
  ram: freeCapacityOf('ram'),
  disk: freeCapacityOf('disk'),
  servers: ({ maxServers = Infinity, used }: HostView) => maxServers - used.servers,
} satisfies Record<string, (host: HostView) => number>
export type FreeCapacity = keyof typeof freeCapacity

export const freeCapacityNames = Object.keys(freeCapacity) as readonly FreeCapacity[]
