/**
 * Plans the next action for a server of this host. Pure. The first of these that applies: delete the server, run the
 * admitted action request, create the server, finish an action that a crash interrupted, reach the desired power.
 */
import { type ActionName, actions } from '../../actions/index.ts'
import type { Server } from '../../crds/index.ts'
import type { Observed } from './observed.ts'
import {
  actionForPower,
  actionReaching,
  isPowerChanged,
  isReached,
  powerActions,
  powerWhenReached,
  targetPowerOf,
} from './power-policy.ts'

export interface Planned {
  action: ActionName
  params: Record<string, unknown>
  /**
   * Identifies this run of the action. It stays the same after a crash, and differs for the next request. It is the
   * boot ID of a boot that the action causes.
   */
  id: string
  /** True if no user requested the action: it brings a server back to the desired state that it had. */
  restores?: true
  /** The ServerAction that requested the action, if any. */
  request?: AdmittedRequest
}

export interface AdmittedRequest {
  name: string
  uid: string
  admittedAt: string
  requestId?: string
}

/** The next action; undefined if the server is in its desired state. */
export function plan(server: Server, observed: Observed): Planned | undefined {
  const { metadata, status } = server
  if (metadata.deletionTimestamp) return { action: 'delete', params: {}, id: `delete:${metadata.uid}` }
  if (!status?.instance) return undefined
  const requested = admittedRequest(server)
  if (requested) return resolveRequest(server, observed, requested)
  // A fault stays until the spec changes or an action is requested. Otherwise the action would fail in a loop.
  if (status.vmState === 'error' && status.observedGeneration === metadata.generation) return undefined
  if (!status.launchedAt) return { action: 'create', params: {}, id: `create:${metadata.uid}` }
  const isChanged = isPowerChanged(server)
  const interrupted = interruptedAction(server, observed)
  const action = interrupted ?? actionForPower(targetPowerOf(server), observed, isChanged)
  if (!action) return undefined
  const id = `${action}:${metadata.uid}:${metadata.generation}`
  return { action, params: {}, id, ...(interrupted || isChanged ? {} : { restores: true }) }
}

/** Whether an action or a status report is pending for the server, if its domain has the desired power. */
export const isPending = (server: Server): boolean =>
  server.metadata.generation !== server.status?.observedGeneration ||
  plan(server, { power: powerWhenReached[targetPowerOf(server)] }) !== undefined

/** The power action that the task state in the status stands for. */
export const announcedAction = ({ status }: Server): ActionName | undefined =>
  status?.taskState === undefined
    ? undefined
    : powerActions.find((name) => actions[name].task?.({}) === status.taskState)

/**
 * The power action that was announced when the agent died, if it must be finished, or if its power is reached and only
 * its end was not recorded. In that case, running it again changes nothing and records its end, and the next action
 * starts from a reached power.
 */
function interruptedAction(server: Server, observed: Observed): ActionName | undefined {
  const name = announcedAction(server)
  if (name === undefined) return undefined
  const { interruptible, desiredPower = 'Running' } = actions[name]
  if (isReached(desiredPower, observed.power)) return name
  // The domain may have gone off meanwhile: a suspend then has no memory to save.
  const leadsOn = actionForPower(desiredPower, observed, true) === name
  return !interruptible && leadsOn ? name : undefined
}

/** Resolves a request to the action that must run for it. */
function resolveRequest(server: Server, observed: Observed, requested: Planned): Planned {
  const { boots, retries } = actions[requested.action]
  if (!boots) return requested
  // The creation has failed and is tried again. As a creation, it also cleans up if it fails again.
  if (server.status?.launchedAt === undefined) return { ...requested, action: 'create', params: {} }
  return retries ? { ...requested, action: retriedAction(server, observed) } : requested
}

/** The action with which a request to try again leads to the desired power. */
function retriedAction(server: Server, observed: Observed): ActionName {
  // An announced action is finished first: a guest that was asked to power off may still do so at any time.
  const announced = announcedAction(server)
  if (announced !== undefined) return announced
  const target = targetPowerOf(server)
  const first = actionReaching(target)
  // A boot uses the current spec. An action whose power is reached already changes nothing, and completes the request.
  return actions[first].boots ? first : (actionForPower(target, observed, true) ?? first)
}

function admittedRequest({ status }: Server): Planned | undefined {
  const admitted = status?.activeAction
  if (!admitted || admitted.uid === status.lastCompletedAction) return undefined
  const { name, uid, admittedAt, requestId } = admitted
  return {
    action: admitted.action as ActionName,
    params: admitted.params ?? {},
    id: uid,
    request: { name, uid, admittedAt, ...(requestId === undefined ? {} : { requestId }) },
  }
}

/**
 * Restores from the status why a domain is off, because a restarted libvirtd does not know it any more. Otherwise the
 * agent would start a guest that powered itself off, or whose memory a person saved to a file.
 */
export function restoreShutdownReason(observed: Observed, { status }: Server): Observed {
  const forgot = observed.power === 'off' && observed.reason === 'unknown' && status?.powerState === 'Shutdown'
  const reason = forgot ? status.domain?.reason : undefined
  return reason === undefined ? observed : { ...observed, reason }
}
