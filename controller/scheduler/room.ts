/** Rooms: of what a host gives, how much one more server can have of it now. A server fits when it wants no more. */
import type { HostView, Limits } from './host-view.ts'

/**
 * Placement's rule: used + wanted <= limit, and wanted <= largest, its max_unit. Without limits, for the agent has not reported, there is no room
 * for anything.
 */
function roomIn(resource: keyof Limits): (host: HostView) => number {
  return ({ limits, used }) => {
    if (limits === undefined) return -1
    const { limit, largest } = limits[resource]
    return Math.min(largest, limit - used[resource])
  }
}

export const rooms = {
  vcpus: roomIn('vcpus'),
  ram: roomIn('ram'),
  disk: roomIn('disk'),
  servers: ({ maxServers = Infinity, used }: HostView) => maxServers - used.servers,
} satisfies Record<string, (host: HostView) => number>
export type Room = keyof typeof rooms

export const roomNames = Object.keys(rooms) as readonly Room[]
