/**
 * Expected values that are not computed by code of controller or agent. Otherwise, a mistake in that code would change
 * the expected value, too, and the check would pass.
 */
import type { Condition, Resources, Server } from '../../crds/index.ts'
import type { Machine } from '../fakes/host.ts'
import { sizes } from './operation-context.ts'

type PowerState = Server['spec']['powerState']

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

/** No flavor changes during a run. */
const sizeOf = ({ spec }: Server): Resources => sizes[spec.flavor as keyof typeof sizes]

/**
 * Takes the defaults of Kubenova: 512 MiB of the host's memory are reserved, and each CPU thread counts as four vCPUs.
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

export const isWaitingForAddress = (server: Server): boolean =>
  conditionOf(server, 'Scheduled')?.reason === 'NoFreeAddress'
