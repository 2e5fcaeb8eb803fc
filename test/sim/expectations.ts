/**
 * The expected values of the simulation's checks, written down literally. They use no decision code of the controller
 * or the agent, because a mistake in that code would then change the expected value as well, and the check would pass.
 */
import type { Condition, Resources, Server } from '../../crds/index.ts'
import type { Machine } from '../fakes/host.ts'
import { sizes } from './operation-context.ts'

type PowerState = Server['spec']['powerState']

/** Maps each spec.powerState to the status.vmState of a server that has reached it. */
export const expectedVmStates = {
  Running: 'active',
  Stopped: 'stopped',
  Paused: 'paused',
  Suspended: 'suspended',
} as const

/**
 * For each state of a domain without a managed save: the spec.powerState that a server with such a domain has reached.
 */
const powerStateOfDomain = { running: 'Running', paused: 'Paused', off: 'Stopped', pmsuspended: 'Running' } as const

export function powerStateOf(domain: Machine['domain']): PowerState {
  if (domain === undefined) return 'Stopped'
  return domain.managedSave ? 'Suspended' : powerStateOfDomain[domain.state]
}

/** The vCPUs, memory and disk that a server takes: those of its flavor, because flavors do not change during a run. */
const sizeOf = ({ spec }: Server): Resources => sizes[spec.flavor as keyof typeof sizes]

/**
 * Whether a host of this size has room for all these servers. As by default, 512 MiB of its memory are reserved, and
 * each CPU thread counts as four vCPUs.
 */
export function hasRoomFor(servers: readonly Server[], { vcpus, ram, disk }: Resources): boolean {
  const sum = (resource: keyof Resources): number =>
    servers.reduce((total, server) => total + sizeOf(server)[resource], 0)
  return sum('ram') <= ram - 512 && sum('vcpus') <= vcpus * 4 && sum('disk') <= disk
}

export const conditionOf = (
  { status }: { status?: { conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined => status?.conditions?.find((condition) => condition.type === type)

/** Whether the server's status says that the server waits for a free address. */
export const isWaitingForAddress = (server: Server): boolean =>
  conditionOf(server, 'Scheduled')?.reason === 'NoFreeAddress'
