/** The scheduler's part of a Server's status. Each function returns all fields that the scheduler owns. Pure. */
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
 * The status when the host has rejected the Server and cleaned up: the Server has no host again.
 *
 * The conditions that the agent wrote are written again here. The scheduler then owns them whole, so that they stay
 * whole when the agent's fields are removed (see clearAgentStatus).
 * @param isLibvirtLost the host rejected the Server only because libvirt does not answer. The host may be tried again,
 * so the rejection is not remembered
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
    // The generation that was rejected: a newer one is a new try.
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
  /** Hosts that were not to be chosen. */
  rejectedHosts?: readonly HostRejection[]
}

/**
 * The status when the Server is placed. The host's agent takes over from here, so fields that the agent would leave out
 * are left out here, too.
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

/** A fault that is reported again keeps the time of the first. */
function faultOf({ status }: Server, details: string, message: string, now: string): Fault {
  const old = status?.fault
  return { code: 500, message, details, created: old?.message === message ? old.created : now }
}

/**
 * Why a server is not placed. With `error`, Nova's clients see the state ERROR; the server is still placed as soon as
 * that is possible.
 */
export interface UnscheduledReason {
  reason: Reason
  message: string
  error: boolean
  /** Hosts that were not to be chosen. */
  rejectedHosts?: readonly HostRejection[]
}

/** The status when the Server could not be placed. */
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
