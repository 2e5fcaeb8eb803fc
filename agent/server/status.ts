/** What the agent says of a server in its status: pure, from what was observed and what is under way. */
import { actions } from '../../actions/index.ts'
import {
  type DesiredPower,
  type Fault,
  type NewCondition,
  type PowerState,
  type Reason,
  type Server,
  type ServerStatus,
  stamp,
  type TaskState,
  type VmState,
} from '../../crds/index.ts'
import type { Restarts } from './attempts.ts'
import type { DomainPower, Observed } from './observed.ts'
import { isByGuest, isMet, type Planned } from './plan.ts'

/** Why the last try failed. */
export interface Failure {
  code: Reason
  message: string
  /** true: recorded as a fault, not tried again until asked. */
  final: boolean
  /** true: another host may do better: what failed is this host's, not the server's. */
  refuse?: boolean
}

export interface View {
  server: Server
  observed: Observed
  /** RFC 3339. */
  now: string
  /** The action that runs now. */
  running?: Planned
  /** The action that has just ended well. */
  finished?: Planned
  failure?: Failure
  progress?: string
  /** Facts of the host about this server. */
  place: { domain: string; consoleLog: string; vnc?: string }
  records: number
}

/** The fields that the agent owns. What is absent here is taken out of the status. */
export type AgentStatus = Omit<
  ServerStatus,
  'host' | 'instance' | 'alternates' | 'addresses' | 'activeAction' | 'rejectedHosts'
>

const vmStateOf: Record<DomainPower, VmState> = {
  running: 'active',
  paused: 'paused',
  saved: 'suspended',
  off: 'stopped',
  crashed: 'stopped',
  pmsuspended: 'active',
  missing: 'stopped',
}

/** Nova's power_state; memory saved to disk is a shut off domain for libvirt and for Nova alike. */
const powerStateOf: Record<DomainPower, PowerState> = {
  running: 'Running',
  paused: 'Paused',
  saved: 'Shutdown',
  off: 'Shutdown',
  crashed: 'Crashed',
  pmsuspended: 'Suspended',
  missing: 'NOSTATE',
}

function vmState({ server, observed, failure }: View, launched: boolean): VmState {
  if (server.metadata.deletionTimestamp) return server.status?.vmState ?? 'building'
  if (failure?.final) return 'error'
  return launched ? vmStateOf[observed.power] : 'building'
}

function fault({ failure, now, server }: View): Fault | undefined {
  if (!failure?.final) return undefined
  const old = server.status?.fault
  const same = old?.message === failure.message
  return { code: 500, message: failure.message, details: failure.code, created: same ? old.created : now }
}

function taskState({ running }: View): TaskState | undefined {
  return running && actions[running.action].task(running.params)
}

/**
 * The wish counts as settled once it was met; it stays settled when the guest then goes its own way. An action that has ended settles the
 * wish that it is for, whatever the wish is by now: what is wished next is then new.
 */
function settled({ server, observed, running, finished, failure }: View): DesiredPower | undefined {
  const served = finished && !failure ? actions[finished.action].asked.wish : undefined
  const wish = served ?? server.spec.powerState
  return !running && isMet(wish, observed.power) ? wish : server.status?.reachedPowerState
}

const doing: Partial<Record<string, Reason>> = {
  create: 'Building',
  delete: 'Deleting',
  reboot: 'Rebooting',
}

function ready(view: View): NewCondition {
  const { server, observed, running, failure, progress } = view
  const wish = server.spec.powerState
  const base = { type: 'Ready' as const, observedGeneration: server.metadata.generation ?? 0 }
  if (failure) return { ...base, status: 'False', reason: failure.code, message: failure.message }
  if (running) {
    const message = progress ?? actions[running.action].description
    return { ...base, status: 'False', reason: doing[running.action] ?? 'PowerChanging', message }
  }
  if (isMet(wish, observed.power))
    return { ...base, status: 'True', reason: wish, message: `the server is ${wish.toLowerCase()}, as asked` }
  return { ...base, status: 'False', ...differs(observed, wish) }
}

/** The power is not what is wished, and nothing is done about it: whose deed that was, and what to do. */
function differs(observed: Observed, wish: DesiredPower): { reason: Reason; message: string } {
  if (isByGuest(observed)) {
    const message =
      'the guest powered itself off; to start it, create a ServerAction with action: start, or set powerState to Stopped and back'
    return { reason: 'GuestShutdown', message }
  }
  if (observed.power === 'paused' && observed.reason === 'io-error') {
    const message =
      'QEMU stopped the guest when it could not write to its disk; see that the host’s disk has room, then set powerState to Paused and back to Running'
    return { reason: 'DiskError', message }
  }
  const why = observed.reason ? ` (${observed.reason})` : ''
  const message = `the domain is ${observed.power}${why}, not ${wish.toLowerCase()}: it was changed on the host; set powerState to something else and back to have it so`
  return { reason: 'ChangedOnHost', message }
}

/** Reconciling and Stalled are there only while they are true, as kstatus has them. */
function conditionsOf(view: View): NewCondition[] {
  const list = [ready(view)]
  const [{ reason, message, observedGeneration = 0 }] = list as [NewCondition]
  const busy = view.running || (view.failure && !view.failure.final)
  if (busy) list.push({ type: 'Reconciling', status: 'True', reason, message, observedGeneration })
  if (view.failure?.final) list.push({ type: 'Stalled', status: 'True', reason, message, observedGeneration })
  return list
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}

/** When it was first made whole, or first seen to run. A creation that failed is none. */
function launched({ server, observed, now, finished, failure, running }: View): string | undefined {
  const runs = observed.power !== 'missing' && observed.power !== 'off'
  const created = (finished?.action === 'create' && !failure) || (runs && !running)
  return server.status?.launchedAt ?? (created ? now : undefined)
}

/** Why a domain that ends again and again is not started at once. */
export function keepsEnding({ power, reason = power }: Observed, { count, delayMs }: Restarts): Failure {
  const often = `the domain has ended by itself again (${reason}), after ${count === 1 ? 'a restart' : `${count} restarts in a row`}`
  const help = 'see the console log, and the log of the domain that libvirt keeps on the host'
  const message = `${often}; it is started again ${delayMs / 1000} s after it was last; ${help}`
  return { code: 'RestartDelayed', message, final: false }
}

/** Of a domain that cannot be looked at: all stands as it was said last, but that it waits, and why. */
export function unseenStatus(
  { metadata, status = {} }: Server,
  { code: reason, message }: Failure,
  now: string,
): AgentStatus {
  const {
    host: _,
    instance: __,
    alternates: ___,
    addresses: ____,
    activeAction: _____,
    rejectedHosts: ______,
    ...mine
  } = status
  const said = { reason, message, observedGeneration: metadata.generation ?? 0 }
  const conditions: NewCondition[] = [
    { type: 'Ready', status: 'False', ...said },
    { type: 'Reconciling', status: 'True', ...said },
  ]
  return { ...mine, conditions: stamp(conditions, status.conditions, now) }
}

/** The agent's whole part of the status. */
export function agentStatus(view: View): AgentStatus {
  const { server, observed, now, finished, place, records } = view
  const old = server.status
  const launchedAt = launched(view)
  return {
    observedGeneration: server.metadata.generation ?? 0,
    vmState: vmState(view, launchedAt !== undefined),
    powerState: powerStateOf[observed.power],
    ...optional('taskState', taskState(view)),
    ...optional('fault', fault(view)),
    ...optional('launchedAt', launchedAt),
    ...optional('reachedPowerState', settled(view)),
    ...optional('lastCompletedAction', finished?.deed?.uid ?? old?.lastCompletedAction),
    domain: { name: place.domain, ...optional('reason', observed.reason) },
    console: { log: place.consoleLog, ...optional('vnc', place.vnc) },
    records,
    conditions: stamp(conditionsOf(view), old?.conditions, now),
  }
}
