/** How much of each resource one more server can have on a host now. A server fits if it needs no more than that. */
import type { HostView, Limits } from './host-view.ts'

/**
 * The rule of Nova's placement service: used + wanted <= limit, and wanted <= maxPerServer (its max_unit). A host whose
 * agent has not reported its capacity has no free capacity, not even for a server that needs none: -1.
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
