/** The controller's part of a Server's status: pure. It owns the placement; and, as long as there is no host, the state too. */
import {
  type Condition,
  condition,
  type Fault,
  type Instance,
  type NewCondition,
  type Reason,
  type Server,
  type ServerStatus,
  stamp,
} from '../../crds/index.ts'

/** What the controller writes: all of it each time, for server-side apply takes out what is left out. */
export type ControllerStatus = Pick<
  ServerStatus,
  'host' | 'instance' | 'alternates' | 'addresses' | 'activeAction' | 'rejectedHosts' | 'conditions'
> &
  Partial<Pick<ServerStatus, 'vmState' | 'taskState' | 'fault' | 'observedGeneration' | 'records'>>

/** Conditions that are the controller's at all times. */
const ours = ['Scheduled', 'HostReachable', 'DeletionPending']

/** These too, until the agent has written for the first time. */
const oursAtFirst = ['Ready', 'Reconciling', 'Stalled']

/**
 * A Ready condition that says that the host is down is ours until the agent has written another: of an item of a list that two have
 * written, server-side apply would keep only the type when one lets go of it.
 */
export function saysHostDown({ type, reason }: Pick<Condition, 'type' | 'reason'>): boolean {
  return type === 'Ready' && reason === 'HostDown'
}

/** What the controller owns in the status as it is. */
export function owned({ status }: Server): ControllerStatus {
  if (!status) return {}
  const { host, instance, alternates, addresses, activeAction, rejectedHosts, conditions = [] } = status
  const { vmState, taskState, fault, observedGeneration, records } = status
  // The agent says which domain it is each time it writes.
  const first = status.domain === undefined
  const state = first ? { vmState, taskState, fault, observedGeneration, records } : {}
  const entries = Object.entries({ host, instance, alternates, addresses, activeAction, rejectedHosts, ...state })
  return {
    ...Object.fromEntries(entries.filter(([, value]) => value !== undefined)),
    conditions: conditions.filter(
      (c) => ours.includes(c.type) || saysHostDown(c) || (first && oursAtFirst.includes(c.type)),
    ),
  }
}

/**
 * Without a host again.
 * @param isAway the one that refused has no libvirt: it is not chosen anyway, and when it has one again it may take the server. Else it is remembered
 */
export function withoutHost(server: Server, isAway = false): ControllerStatus {
  const {
    host: _,
    instance: __,
    alternates: ___,
    addresses: ____,
    activeAction: action,
    rejectedHosts = [],
    ...rest
  } = owned(server)
  const { hostRejection, records = 0, lastCompletedAction, observedGeneration } = server.status ?? {}
  const remembered = hostRejection && !isAway ? [...rejectedHosts, hostRejection] : rejectedHosts
  return {
    ...rest,
    // The spec that was refused: another one is a new try.
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    // That it was completed is forgotten with all else that the agent said.
    ...(action && action.uid !== lastCompletedAction ? { activeAction: action } : {}),
    vmState: 'building',
    taskState: 'scheduling',
    records,
    ...(remembered.length > 0 ? { rejectedHosts: remembered.slice(-16) } : {}),
  }
}

/** `status` with these conditions set, and those of `without` taken out. */
export function withConditions(
  server: Server,
  status: ControllerStatus,
  set: readonly NewCondition[],
  now: string,
  without: readonly string[] = [],
): ControllerStatus {
  const replaced = new Set([...without, ...set.map(({ type }) => type)])
  const kept = (status.conditions ?? []).filter(({ type }) => !replaced.has(type))
  return { ...status, conditions: [...kept, ...stamp(set, server.status?.conditions, now)] }
}

const generationOf = ({ metadata }: Server): number => metadata.generation ?? 0

export interface Placed {
  host: string
  alternates: readonly string[]
  instance: Instance
}

/**
 * Placed: the host's agent takes over from here. Nothing is said that the agent would only leave out: a field that two have written
 * stays until both let go of it.
 */
export function placedStatus(server: Server, { host, alternates, instance }: Placed, now: string): ControllerStatus {
  const observedGeneration = generationOf(server)
  const addresses = instance.interfaces.flatMap(({ network, macAddress, fixedIPs }) =>
    fixedIPs.map(({ address }) => ({ network, address, version: address.includes(':') ? 6 : 4, macAddress })),
  )
  const { rejectedHosts, activeAction: action } = server.status ?? {}
  const status: ControllerStatus = {
    host,
    instance,
    alternates: [...alternates],
    addresses,
    ...(rejectedHosts ? { rejectedHosts } : {}),
    ...(action ? { activeAction: action } : {}),
    observedGeneration,
    vmState: 'building',
    records: server.status?.records ?? 0,
  }
  const set: NewCondition[] = [
    { type: 'Scheduled', status: 'True', reason: 'Placed', message: `on ${host}`, observedGeneration },
    { type: 'Ready', status: 'False', reason: 'Building', message: `${host} builds the server`, observedGeneration },
  ]
  return withConditions(server, status, set, now)
}

/** A fault that is said again keeps the time of the first. */
function faultOf({ status }: Server, details: string, message: string, now: string): Fault {
  const old = status?.fault
  return { code: 500, message, details, created: old?.message === message ? old.created : now }
}

/** Why a server is not placed. `error`: Nova's clients shall see it as ERROR; it is placed all the same once that is possible. */
export interface Waiting {
  reason: Reason
  message: string
  error: boolean
}

/** Not placed. A start that was asked of a server for which there is no host has ended with that: its slot is free again. */
export function waitingStatus(server: Server, { reason, message, error }: Waiting, now: string): ControllerStatus {
  const observedGeneration = generationOf(server)
  const {
    host: _,
    instance: __,
    alternates: ___,
    fault: ____,
    taskState: _____,
    activeAction: action,
    ...rest
  } = owned(server)
  const fault = error ? { fault: faultOf(server, reason, message, now) } : {}
  const status: ControllerStatus = {
    ...rest,
    ...(action && !error ? { activeAction: action } : {}),
    observedGeneration,
    vmState: error ? 'error' : 'building',
    ...(error ? {} : { taskState: 'scheduling' as const }),
    ...fault,
    records: server.status?.records ?? 0,
  }
  const why = { reason, message, observedGeneration }
  const set: NewCondition[] = [
    { type: 'Scheduled', status: 'False', ...why },
    { type: 'Ready', status: 'False', ...why },
    error ? { type: 'Stalled', status: 'True', ...why } : { type: 'Reconciling', status: 'True', ...why },
  ]
  return withConditions(server, status, set, now, ['Stalled', 'Reconciling'])
}

/** The host is up, or it is not: then nothing is known of the server, and nothing is done to it. */
export function reachabilityStatus(server: Server, up: boolean, why: string, now: string): ControllerStatus {
  const status = owned(server)
  const observedGeneration = generationOf(server)
  if (up) return withConditions(server, status, [], now, ['HostReachable', 'DeletionPending'])
  const set: NewCondition[] = [
    { type: 'HostReachable', status: 'False', reason: 'HostDown', message: why, observedGeneration },
    { type: 'Ready', status: 'Unknown', reason: 'HostDown', message: why, observedGeneration },
  ]
  return withConditions(server, status, set, now)
}

/** Does the status already say what reachabilityStatus would? */
export function saysReachability({ status }: Server, up: boolean): boolean {
  return (condition(status?.conditions, 'HostReachable')?.status === 'False') !== up
}
