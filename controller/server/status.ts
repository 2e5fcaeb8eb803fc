/**
 * The part of a Server's status that the field manager `scheduler` owns. Each function returns all of its fields,
 * because server-side apply removes owned fields that are not sent.
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
 * The status after the host has rejected the Server and cleaned up. It includes the agent's conditions, so that they
 * are not removed with the agent's other fields (see clearAgentStatus).
 * @param isLibvirtLost whether the host rejected the Server only because its libvirtd does not answer. The host is then
 * not added to rejectedHosts, so that it may be chosen again
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
    // The generation of the spec that the host rejected. Once the spec changes, the rejections no longer count
    // (currentRejections).
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
 * Fields such as taskState, which the agent leaves out when they have no value, are absent: the agent could not remove
 * a field that the scheduler owns.
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

/** A fault with the same message as the old one keeps the old time in `created`. */
function faultOf({ status }: Server, details: string, message: string, now: string): Fault {
  const old = status?.fault
  return { code: 500, message, details, created: old?.message === message ? old.created : now }
}

/** If `error` is true, the vmState is error, as in Nova; the controller still places the server as soon as it can. */
export interface UnscheduledReason {
  reason: Reason
  message: string
  error: boolean
  rejectedHosts?: readonly HostRejection[]
}

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
