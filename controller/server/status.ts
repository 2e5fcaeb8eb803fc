/**
 * Pure functions for the part of a Server's status that the controller writes with the field manager `scheduler`. Each
 * returns all fields that the scheduler owns, because server-side apply removes owned fields that are not sent.
 */
import {
  type Fault,
  type HostRejection,
  type Instance,
  type NewCondition,
  type Reason,
  type Server,
  type StatusOf,
  withTransitionTimes,
} from '../../crds/index.ts'

export type SchedulerStatus = StatusOf<'scheduler'>

const MAX_REJECTIONS = 16

const generationOf = ({ metadata }: Server): number => metadata.generation ?? 0

const withRejections = (rejectedHosts: readonly HostRejection[]): Pick<SchedulerStatus, 'rejectedHosts'> =>
  rejectedHosts.length > 0 ? { rejectedHosts: rejectedHosts.slice(-MAX_REJECTIONS) } : {}

/**
 * The status after the host has rejected the Server and cleaned up: the Server has no host again. The scheduler also
 * writes the conditions that the agent wrote, so that they are not removed with the agent's other fields (see
 * clearAgentStatus).
 * @param isLibvirtLost whether the host rejected the Server only because the host's libvirtd does not answer. Such a
 * rejection is not added to rejectedHosts, so that the host may be chosen again later
 */
export function unassignedStatus(server: Server, now: string, isLibvirtLost = false): SchedulerStatus {
  const {
    hostRejection,
    rejectedHosts = [],
    actionRecords = 0,
    observedGeneration = 0,
    conditions,
  } = server.status ?? {}
  const isRemembered = hostRejection !== undefined && !isLibvirtLost
  const message = `${hostRejection?.host ?? 'the host'} could not build the server (${hostRejection?.reason ?? 'no reason given'}); another host is chosen`
  const why = { reason: 'HostRejected', message, observedGeneration } as const
  const set: NewCondition[] = [
    { type: 'Scheduled', status: 'False', ...why },
    { type: 'Ready', status: 'False', ...why },
    { type: 'Reconciling', status: 'True', ...why },
  ]
  return {
    // Keep the generation of the spec that the host rejected. As soon as the spec changes, metadata.generation differs
    // from this number, and the rejections no longer count (currentRejections).
    observedGeneration,
    vmState: 'building',
    taskState: 'scheduling',
    actionRecords,
    ...withRejections(isRemembered ? [...rejectedHosts, hostRejection] : rejectedHosts),
    conditions: withTransitionTimes(set, conditions, now),
  }
}

export interface Placement {
  host: string
  instance: Instance
  rejectedHosts?: readonly HostRejection[]
}

/**
 * The status after the Server was placed. It lacks fields such as taskState, which the agent leaves out when they have
 * no value. If the scheduler wrote such a field here, it would own the field, and the agent could not remove it.
 */
export function placedStatus(server: Server, placement: Placement, now: string): SchedulerStatus {
  const { host, instance, rejectedHosts = [] } = placement
  const observedGeneration = generationOf(server)
  const addresses = instance.interfaces.flatMap(({ network, macAddress, fixedIPs }) =>
    fixedIPs.map(({ address }) => ({ network, address, version: address.includes(':') ? 6 : 4, macAddress })),
  )
  const set: NewCondition[] = [
    { type: 'Scheduled', status: 'True', reason: 'Placed', message: `on ${host}`, observedGeneration },
    { type: 'Ready', status: 'False', reason: 'Building', message: `${host} builds the server`, observedGeneration },
  ]
  return {
    host,
    instance,
    addresses,
    ...withRejections(rejectedHosts),
    observedGeneration,
    vmState: 'building',
    actionRecords: server.status?.actionRecords ?? 0,
    conditions: withTransitionTimes(set, server.status?.conditions, now),
  }
}

/**
 * The fault to report. If the status already has a fault with the same message, the new fault keeps the old time in
 * `created`.
 */
function faultOf({ status }: Server, details: string, message: string, now: string): Fault {
  const old = status?.fault
  return { code: 500, message, details, created: old?.message === message ? old.created : now }
}

/**
 * Why a server is not placed. If `error` is true, the vmState is error, as in Nova; the controller still places the
 * server as soon as it can.
 */
export interface UnscheduledReason {
  reason: Reason
  message: string
  error: boolean
  rejectedHosts?: readonly HostRejection[]
}

/** The status of a Server that could not be placed. */
export function unscheduledStatus(server: Server, why: UnscheduledReason, now: string): SchedulerStatus {
  const { reason, message, error, rejectedHosts = [] } = why
  const observedGeneration = generationOf(server)
  const common = { reason, message, observedGeneration }
  const set: NewCondition[] = [
    { type: 'Scheduled', status: 'False', ...common },
    { type: 'Ready', status: 'False', ...common },
    error ? { type: 'Stalled', status: 'True', ...common } : { type: 'Reconciling', status: 'True', ...common },
  ]
  return {
    observedGeneration,
    vmState: error ? 'error' : 'building',
    ...(error ? { fault: faultOf(server, reason, message, now) } : { taskState: 'scheduling' }),
    actionRecords: server.status?.actionRecords ?? 0,
    ...withRejections(rejectedHosts),
    conditions: withTransitionTimes(set, server.status?.conditions, now),
  }
}
