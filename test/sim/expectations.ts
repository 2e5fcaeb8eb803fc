/**
 * Expected values for the checks of the simulation. They are constants and rules of their own, not computed by code of
 * controller or agent. Otherwise, a mistake in that code would change the expected value, too, and the check would
 * pass.
 */
import type { Condition, Resources, Server } from '../../crds/index.ts'
import type { Machine } from '../fakes/host.ts'
import { sizes } from './operation-context.ts'

type PowerState = Server['spec']['powerState']

/** For each spec.powerState, the status.vmState of a server that has reached it. */
export const expectedVmStates = {
  Running: 'active',
  Stopped: 'stopped',
  Paused: 'paused',
  Suspended: 'suspended',
} as const

/** For each state of a domain without a managed save, the spec.powerState that the server has reached. */
const powerStateOfDomain = { running: 'Running', paused: 'Paused', off: 'Stopped', pmsuspended: 'Running' } as const

export function powerStateOf(domain: Machine['domain']): PowerState {
  if (domain === undefined) return 'Stopped'
  return domain.managedSave ? 'Suspended' : powerStateOfDomain[domain.state]
}

/** The vCPUs, memory and disk that a server takes. They are those of its flavor; no flavor changes during a run. */
const sizeOf = ({ spec }: Server): Resources => sizes[spec.flavor as keyof typeof sizes]

/**
 * Whether a host of this size has room for all these servers. Takes the defaults of Kubenova: 512 MiB of the host's
 * memory are reserved, and each CPU thread counts as four vCPUs.
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

/** Whether the server's status reports that it waits for a free address. */
export const isWaitingForAddress = (server: Server): boolean =>
  conditionOf(server, 'Scheduled')?.reason === 'NoFreeAddress'
