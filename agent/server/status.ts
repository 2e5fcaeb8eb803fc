import type { Action } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import { modeAfter, modeOf, targetPowerOf } from '../../actions/mode.ts'
import {
  type DesiredPower,
  type DomainPower,
  type Fault,
  fieldsOf,
  type Mode,
  type NewCondition,
  type PowerState,
  type Reason,
  reasonOf,
  type Server,
  type StatusOf,
  type TaskState,
  type VmState,
  vmStateOf,
  withTransitionTimes,
} from '../../crds/index.ts'
import type { Restarts } from './attempts.ts'
import type { Observed } from './observed.ts'
import { type Planned, plan } from './plan.ts'
import { isOffByGuest, isReached } from './power-policy.ts'

/** Why the last try failed. */
export interface Failure {
  code: Reason
  message: string
  /** If true, the agent does not try the action again until the spec changes or a user requests an action. */
  final: boolean
  /** If true, the cause is this host and not the server, so another host should be tried. */
  rejectsHost?: boolean
  /** If true, the current state does not allow the request, and nothing was changed. This is no fault. */
  isRefusal?: boolean
  /** If true, the failed step only removes what is no longer needed, so the agent tries it until it succeeds. */
  isCleanUp?: boolean
}

export interface StatusInput {
  server: Server
  observed: Observed
  /** The current time in RFC 3339. */
  now: string
  /** The action that runs now. */
  running?: Planned
  finished?: Planned
  /**
   * True if the action that has just ended was refused, or failed without changing state (such as a crash dump). The
   * fault of the server then stays as it was.
   */
  refused?: boolean
  failure?: Failure
  progress?: string
  runtimeInfo: { domain: string; consoleLog: string; vnc?: string }
  actionRecords: number
}

export type AgentStatus = StatusOf<'agent'>

/** Nova's power_state. A domain whose memory is saved to a file counts as shut off in libvirt and Nova. */
const powerStateOf: Record<DomainPower, PowerState> = {
  running: 'Running',
  paused: 'Paused',
  saved: 'Shutdown',
  off: 'Shutdown',
  crashed: 'Crashed',
  pmsuspended: 'Suspended',
  missing: 'NOSTATE',
}

const succeededAction = ({ finished, failure, refused }: StatusInput): Action | undefined =>
  finished && !failure && !refused ? actions[finished.action] : undefined

function currentMode(input: StatusInput): Mode {
  const { server } = input
  const succeeded = succeededAction(input)
  return succeeded ? modeAfter(succeeded, modeOf(server)) : modeOf(server)
}

function currentVmState(input: StatusInput, launched: boolean): VmState {
  const { server, observed, failure } = input
  if (server.metadata.deletionTimestamp) return server.status?.vmState ?? 'building'
  const fault = failure?.final === true || (failure === undefined && keptFault(input) !== undefined)
  return vmStateOf({ mode: currentMode(input), power: observed.power, launched, fault })
}

/**
 * As in Nova, the fault stays in the status while a requested action runs. The end of the action decides whether it is
 * removed.
 */
const keptFault = ({ server, running }: StatusInput): Failure | undefined =>
  running?.request ? standingFault(server) : undefined

function faultOf(input: StatusInput): Fault | undefined {
  const { now, server } = input
  const failure = input.failure ?? keptFault(input)
  if (!failure?.final) return undefined
  const old = server.status?.fault
  const same = old?.message === failure.message
  return { code: 500, message: failure.message, details: failure.code, created: same ? old.created : now }
}

function taskStateOf({ running }: StatusInput): TaskState | undefined {
  return running && actions[running.action].task?.(running.params)
}

/**
 * The desired power that the server reached last. It stays when the guest or a person changes the power later. A
 * successful action sets it to its own target, even if spec.powerState has changed meanwhile. It never changes in a
 * mode that does not follow spec.powerState.
 */
function reachedPowerOf(input: StatusInput): DesiredPower | undefined {
  const { server, observed, running } = input
  const desired = succeededAction(input)?.desiredPower ?? server.spec.powerState
  const isNow = !running && currentMode(input) === 'normal' && isReached(desired, observed.power)
  return isNow ? desired : server.status?.reachedPowerState
}

function readyCondition(input: StatusInput): NewCondition {
  const { server, observed, running, failure, progress } = input
  const base = { type: 'Ready' as const, observedGeneration: server.metadata.generation ?? 0 }
  if (failure) return { ...base, status: 'False', reason: failure.code, message: failure.message }
  if (running) {
    const { reason = 'PowerChanging', description } = actions[running.action]
    return { ...base, status: 'False', reason, message: progress ?? description }
  }
  return {
    ...base,
    ...settledCondition({ ...server, status: { ...server.status, mode: currentMode(input) } }, observed),
  }
}

function settledCondition(
  server: Server,
  observed: Observed,
): { status: 'True' | 'False'; reason: Reason; message: string } {
  const target = targetPowerOf(server)
  if (modeOf(server) === 'rescued') return { status: 'False', ...rescuedReason(server, observed, target) }
  if (!isReached(target, observed.power)) return { status: 'False', ...differenceOf(observed, target) }
  return { status: 'True', reason: target, message: `the server is ${target.toLowerCase()}, as asked` }
}

/**
 * The message says how to leave the rescue system, and which change of spec.powerState takes effect only after that.
 */
function rescuedReason(
  { spec, status }: Server,
  observed: Observed,
  target: DesiredPower,
): { reason: Reason; message: string } {
  const isRunning = isReached(target, observed.power)
  const reason = isRunning ? 'Rescued' : 'RescueNotRunning'
  const isAsleep = observed.power === 'pmsuspended'
  const what = isRunning ? 'runs' : isAsleep ? 'sleeps' : `does not run: its domain is ${observed.power}`
  const isWaiting = spec.powerState !== status?.reachedPowerState
  const waits = isWaiting ? `; spec.powerState ${spec.powerState} is acted on after that` : ''
  const message = `the rescue system ${what}; to return to the server’s own disk, create a ServerAction with action: unrescue${waits}`
  return { reason, message }
}

/** Why the server is not Ready when the agent will not correct its power. The message tells the user what to do. */
function differenceOf(observed: Observed, desired: DesiredPower): { reason: Reason; message: string } {
  // If spec.powerState is Paused or Suspended, the controller rejects `start`, because the agent would undo it at once.
  const orStart = desired === 'Running' ? 'create a ServerAction with action: start, or ' : ''
  if (isOffByGuest(observed)) {
    const message = `the guest powered itself off; to start it, ${orStart}set powerState to Stopped and back`
    return { reason: 'GuestShutdown', message }
  }
  if (observed.power === 'pmsuspended') {
    const change = desired === 'Running' ? 'set powerState to Paused and back' : 'set powerState to Running'
    const message = `the guest sleeps: it has suspended itself to RAM and keeps its memory; to wake it, ${orStart}${change}`
    return { reason: 'GuestSleeps', message }
  }
  if (observed.power === 'paused' && observed.reason === 'io-error') {
    const message =
      'QEMU stopped the guest when it could not write to its disk; see that the host’s disk has room, then set powerState to Paused and back to Running'
    return { reason: 'DiskIOError', message }
  }
  const why = observed.reason ? ` (${observed.reason})` : ''
  const message = `the domain is ${observed.power}${why}, not ${desired.toLowerCase()}: it was changed on the host; set powerState to something else and back to have it so`
  return { reason: 'ChangedOnHost', message }
}

/**
 * Reconciling and Stalled exist only while they are true, as kstatus expects. A server that this host rejects is not
 * stalled, because the scheduler looks for another host.
 * @param next the server with the new status
 */
function conditionsOf(input: StatusInput, next: Server): NewCondition[] {
  const { running, failure, observed } = input
  const ready = readyCondition(input)
  const { status: isReady, reason, message, observedGeneration = 0 } = ready
  // Whether the server is not ready although the agent plans no action. Such a server stays unready until a user acts.
  const isLeftSo = !running && !failure && isReady !== 'True' && plan(next, observed) === undefined
  const isStalled = failure ? failure.final && !failure.rejectsHost : isLeftSo
  const isReconciling = running || (failure && !isStalled)
  const more = { status: 'True', reason, message, observedGeneration } as const
  if (isReconciling) return [ready, { type: 'Reconciling', ...more }]
  return isStalled ? [ready, { type: 'Stalled', ...more }] : [ready]
}

function fieldIfDefined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}

/** When the server was created successfully or was first seen to run; undefined if neither has happened. */
function launchedAtOf(input: StatusInput): string | undefined {
  const { server, observed, now, running } = input
  const runs = observed.power !== 'missing' && observed.power !== 'off'
  const created = succeededAction(input)?.builds || (runs && !running)
  return server.status?.launchedAt ?? (created ? now : undefined)
}

/** The fault stays in the status until the spec changes or an action changes the server's state; undefined if none. */
export function standingFault({ metadata, status }: Server): Failure | undefined {
  const fault = status?.vmState === 'error' && status.observedGeneration === metadata.generation && status.fault
  if (!fault) return undefined
  const rejectsHost = status.host !== undefined && status.hostRejection?.host === status.host
  return {
    code: reasonOf(fault.details),
    message: fault.message,
    final: true,
    ...(rejectsHost ? { rejectsHost } : {}),
  }
}

/** Returns the failure to report for a domain that ends again and again and is therefore started only after a delay. */
export function restartDelayedFailure({ power, reason = power }: Observed, { count, delayMs }: Restarts): Failure {
  const often = `the domain has ended by itself again (${reason}), after ${count === 1 ? 'a restart' : `${count} restarts in a row`}`
  const help = 'see the console log, and the log of the domain that libvirt keeps on the host'
  const message = `${often}; it is started again ${delayMs / 1000} s after it was last; ${help}`
  return { code: 'RestartDelayed', message, final: false }
}

/**
 * The status of a server whose domain cannot be observed: the last fields, with conditions that say why the server
 * waits. `domain.name` is always set: to readers, it means that an agent has written the status.
 */
export function unobservedStatus(
  { metadata, status = {} }: Server,
  { code: reason, message }: Failure,
  domainName: string,
  now: string,
): AgentStatus {
  const said = { reason, message, observedGeneration: metadata.generation ?? 0 }
  const conditions: NewCondition[] = [
    { type: 'Ready', status: 'False', ...said },
    { type: 'Reconciling', status: 'True', ...said },
  ]
  const known = Object.fromEntries(Object.entries(status).filter(([field]) => ownFields.has(field)))
  return { domain: { name: domainName }, ...known, conditions: withTransitionTimes(conditions, status.conditions, now) }
}

const ownFields: ReadonlySet<string> = new Set(fieldsOf('Server', 'agent'))

export function agentStatus(input: StatusInput): AgentStatus {
  const { server, now } = input
  const fields = fieldsAfter(input)
  const others = Object.entries(server.status ?? {}).filter(([field]) => !ownFields.has(field))
  const next = { ...server, status: { ...Object.fromEntries(others), ...fields } }
  return { ...fields, conditions: withTransitionTimes(conditionsOf(input, next), server.status?.conditions, now) }
}

function fieldsAfter(input: StatusInput): Omit<AgentStatus, 'conditions'> {
  const { server, observed, finished, runtimeInfo, actionRecords } = input
  const old = server.status
  const launchedAt = launchedAtOf(input)
  const mode = currentMode(input)
  return {
    observedGeneration: server.metadata.generation ?? 0,
    vmState: currentVmState(input, launchedAt !== undefined),
    powerState: powerStateOf[observed.power],
    ...fieldIfDefined('taskState', taskStateOf(input)),
    ...fieldIfDefined('fault', faultOf(input)),
    ...fieldIfDefined('launchedAt', launchedAt),
    ...fieldIfDefined('mode', mode === 'normal' ? undefined : mode),
    ...fieldIfDefined('reachedPowerState', reachedPowerOf(input)),
    ...fieldIfDefined('lastCompletedAction', finished?.request?.uid ?? old?.lastCompletedAction),
    domain: { name: observed.name ?? runtimeInfo.domain, ...fieldIfDefined('reason', observed.reason) },
    console: { log: runtimeInfo.consoleLog, ...fieldIfDefined('vnc', runtimeInfo.vnc) },
    actionRecords,
  }
}
