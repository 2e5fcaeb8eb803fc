/**
 * The expected values of the checks, written down literally. The checks import none of the product's decisions, so that
 * a mistake there cannot hide itself.
 */
import type { Condition, Resources, Server } from '../../crds/index.ts'
import type { Machine } from '../fakes/host.ts'
import { sizes } from './operation-context.ts'

type PowerState = Server['spec']['powerState']

/** status.vmState of a server that has reached its spec.powerState. */
export const expectedVmStates = {
  Running: 'active',
  Stopped: 'stopped',
  Paused: 'paused',
  Suspended: 'suspended',
} as const

/** The power state that a domain without a managed save has. */
const powerStateOfDomain = { running: 'Running', paused: 'Paused', off: 'Stopped', pmsuspended: 'Running' } as const

export function powerStateOf(domain: Machine['domain']): PowerState {
  if (domain === undefined) return 'Stopped'
  return domain.managedSave ? 'Suspended' : powerStateOfDomain[domain.state]
}

/** The vCPUs, memory and disk that a server takes: its flavor's. Flavors of a run do not change. */
const sizeOf = ({ spec }: Server): Resources => sizes[spec.flavor as keyof typeof sizes]

/** Whether a host has room for these servers: 512 MiB are reserved, and there are four vCPUs per CPU thread. */
export function hasRoomFor(servers: readonly Server[], { vcpus, ram, disk }: Resources): boolean {
  const sum = (resource: keyof Resources): number =>
    servers.reduce((total, server) => total + sizeOf(server)[resource], 0)
  return sum('ram') <= ram - 512 && sum('vcpus') <= vcpus * 4 && sum('disk') <= disk
}

export const conditionOf = (
  { status }: { status?: { conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined => status?.conditions?.find((condition) => condition.type === type)

/** The server waits for an address, and its status says so. */
export const isWaitingForAddress = (server: Server): boolean =>
  conditionOf(server, 'Scheduled')?.reason === 'NoFreeAddress'
