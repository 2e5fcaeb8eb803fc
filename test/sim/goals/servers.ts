import type { Server } from '../../../crds/index.ts'
import type { Machine } from '../../fakes/host.ts'
import type { Cloud } from '../cloud.ts'
import { conditionOf, expectedVmStates, hasRoomFor, isWaitingForAddress, powerStateOf } from '../expectations.ts'
import type { Plan } from '../plan.ts'
import { countAllocatedAddresses, isPortWithoutAddress } from './ports.ts'

export interface GoalContext {
  cloud: Cloud
  plan: Plan
  servers: readonly Server[]
}

export function findServerViolations(server: Server, context: GoalContext): string[] {
  const { metadata, status = {} } = server
  if (metadata.deletionTimestamp) return [`${metadata.name} still exists`]
  const violation =
    status.host === undefined
      ? findUnscheduledViolation(server, context)
      : findScheduledViolation(server, context.cloud)
  return violation === undefined ? [] : [`${metadata.name} ${violation}`]
}

function findScheduledViolation(server: Server, cloud: Cloud): string | undefined {
  const { fault, vmState } = server.status ?? {}
  if (vmState === 'error')
    return cloud.faults.hasHostFailed ? undefined : `is in error, but no step of a host failed: ${fault?.message}`
  return describeOngoingWork(server) ?? findSettledStateViolation(server, cloud)
}

function describeOngoingWork(server: Server): string | undefined {
  const { metadata, status = {} } = server
  if (status.activeAction && status.activeAction.uid !== status.lastCompletedAction)
    return `still runs ${status.activeAction.name}`
  if (status.observedGeneration !== metadata.generation) return 'has a generation that is not observed'
  if (status.taskState !== undefined) return `is ${status.taskState}`
  return conditionOf(server, 'HostReachable') && 'has a host that is reported down'
}

function findSettledStateViolation(server: Server, cloud: Cloud): string | undefined {
  const { metadata, status = {} } = server
  const machine = cloud.host(status.host ?? '')?.machines.machine(metadata.uid ?? '')
  if (status.mode === 'rescued') return findRescueViolation(server, machine, cloud)
  const hasRescueDisk = machine?.rescueDisk !== undefined || machine?.domain?.runsFrom === 'rescue disk'
  return hasRescueDisk ? 'is not rescued, but has a rescue disk' : findNormalViolation(server, machine, cloud)
}

function findNormalViolation(server: Server, machine: Machine | undefined, cloud: Cloud): string | undefined {
  const { spec, status = {} } = server
  const ready = conditionOf(server, 'Ready')
  if (ready?.status !== 'True')
    return mayStayOffAfterUnexpectedStop(server, cloud) ? undefined : `is not ready: ${JSON.stringify(ready)}`
  if (status.vmState !== expectedVmStates[spec.powerState])
    return `is ${status.vmState}, but is to be ${spec.powerState}`
  const actual = powerStateOf(machine?.domain)
  return actual === spec.powerState ? undefined : `has a domain that is ${actual}, but is to be ${spec.powerState}`
}

/**
 * The domain of a rescued server must run from the rescue disk, whatever spec.powerState is. It may be off only if the
 * guest has shut itself down.
 */
function findRescueViolation(server: Server, machine: Machine | undefined, cloud: Cloud): string | undefined {
  if (server.status?.vmState !== 'rescued') return `is ${server.status?.vmState}, but has mode rescued`
  const { state, runsFrom } = machine?.domain ?? {}
  const isRunning = state === 'running' && runsFrom === 'rescue disk'
  if (isRunning || mayStayOffAfterUnexpectedStop(server, cloud)) return undefined
  return `is rescued, but its domain is ${state} and runs from ${runsFrom}`
}

/**
 * After a shutdown by the guest, the server stays off until the user changes the spec. It also stays off if
 * spec.powerState is Suspended and the saved memory is lost.
 */
function mayStayOffAfterUnexpectedStop(server: Server, cloud: Cloud): boolean {
  const reason = conditionOf(server, 'Ready')?.reason
  const hasLostMemory = reason === 'ChangedOnHost' && server.spec.powerState === 'Suspended'
  const hadUnexpectedStop = cloud.hosts.some(({ unexpectedStops }) => unexpectedStops.has(server.metadata.uid ?? ''))
  return (reason === 'GuestShutdown' || reason === 'RescueNotRunning' || hasLostMemory) && hadUnexpectedStop
}

/**
 * The scheduler checks in this order: Is the Port in the server's spec usable? Has a host room? Is an address free? If
 * no host has room or no address is free, the server's status must say so.
 */
function findUnscheduledViolation(server: Server, { cloud, plan, servers }: GoalContext): string | undefined {
  const { networks } = server.spec
  const namesPort = networks.some(({ port }) => port !== undefined)
  const usesNamedPort = (other: Server): boolean =>
    other.status?.host !== undefined && other.spec.networks.some(({ port }) => port !== undefined)
  if (namesPort && (isPortWithoutAddress(cloud, plan) || servers.some(usesNamedPort))) return undefined
  const hosts = hostsWithRoom(server, servers, cloud)
  if (hosts.length === 0)
    return server.status?.vmState === 'error' ? undefined : 'is not in error, but no host has room for it'
  const addressesNeeded = networks.filter(({ name }) => name === 'lan').length
  if (addressesNeeded === 0 || countAllocatedAddresses(cloud) + addressesNeeded <= plan.addressCount)
    return `has no host, but ${hosts.join(', ')} has room`
  return isWaitingForAddress(server) ? undefined : 'does not report that no address is free'
}

function hostsWithRoom(server: Server, servers: readonly Server[], { hosts }: Cloud): string[] {
  const rejected = new Set(server.status?.rejectedHosts?.map(({ host }) => host))
  return hosts
    .filter(({ name, capacity }) => {
      const onHost = servers.filter(({ status }) => status?.host === name)
      return !rejected.has(name) && hasRoomFor([...onHost, server], capacity)
    })
    .map(({ name }) => name)
}
