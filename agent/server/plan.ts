/**
 * Plans what the agent does next with a server of this host: pure. In this order: delete it; run the admitted action
 * request; create it; finish an action that a crash interrupted; make its power as desired; else nothing.
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
   * Identifies this run of the action: the same after a crash, another for the next request. A boot that it causes has
   * it as boot ID.
   */
  id: string
  /** Nobody requested it: a server that was as desired is brought back to that. */
  restores?: true
  /** The ServerAction that requested it, if one did. */
  request?: AdmittedRequest
}

export interface AdmittedRequest {
  name: string
  uid: string
  admittedAt: string
  requestId?: string
}

/** The next action, or undefined: everything is as desired. */
export function plan(server: Server, observed: Observed): Planned | undefined {
  const { metadata, status } = server
  if (metadata.deletionTimestamp) return { action: 'delete', params: {}, id: `delete:${metadata.uid}` }
  if (!status?.instance) return undefined
  const requested = admittedRequest(server)
  if (requested) return resolveRequest(server, observed, requested)
  // A fault stands until the spec changes or an action is requested: no loop of failures.
  if (status.vmState === 'error' && status.observedGeneration === metadata.generation) return undefined
  if (!status.launchedAt) return { action: 'create', params: {}, id: `create:${metadata.uid}` }
  const isChanged = isPowerChanged(server)
  const interrupted = interruptedAction(server, observed)
  const action = interrupted ?? actionForPower(targetPowerOf(server), observed, isChanged)
  if (!action) return undefined
  const id = `${action}:${metadata.uid}:${metadata.generation}`
  return { action, params: {}, id, ...(interrupted || isChanged ? {} : { restores: true }) }
}

/** Does the server wait for anything that is not done yet, whatever the state of its domain? */
export const isPending = (server: Server): boolean =>
  server.metadata.generation !== server.status?.observedGeneration ||
  plan(server, { power: powerWhenReached[targetPowerOf(server)] }) !== undefined

/** The power action that the status announces by its task state. */
export const announcedAction = ({ status }: Server): ActionName | undefined =>
  status?.taskState === undefined
    ? undefined
    : powerActions.find((name) => actions[name].task?.({}) === status.taskState)

/**
 * The power action that was announced when the agent died, if it must be finished, or if its work is done and only its
 * end is not recorded. Running it again changes nothing then, and records its end; the next action has a reached power
 * to start from.
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

/** The action that runs for a request. */
function resolveRequest(server: Server, observed: Observed, requested: Planned): Planned {
  const { boots, retries } = actions[requested.action]
  if (!boots) return requested
  // The creation has failed, and is tried again: if it fails again, nothing is left of the server either.
  if (server.status?.launchedAt === undefined) return { ...requested, action: 'create', params: {} }
  return retries ? { ...requested, action: retriedAction(server, observed) } : requested
}

/** The action by which a request to try again leads to the power that is desired by now. */
function retriedAction(server: Server, observed: Observed): ActionName {
  // An announced action is finished first: a guest that was asked to power off may do so whatever is desired by now.
  const announced = announcedAction(server)
  if (announced !== undefined) return announced
  const target = targetPowerOf(server)
  const first = actionReaching(target)
  // A boot brings what the spec says now. An action whose power is reached already changes nothing, and ends the
  // request.
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
 * Puts back why a domain is off, which libvirt forgets when it is restarted. Otherwise a guest that powered itself off
 * would be started, and so would one whose memory a person saved to a file.
 */
export function restoreShutdownReason(observed: Observed, { status }: Server): Observed {
  const forgot = observed.power === 'off' && observed.reason === 'unknown' && status?.powerState === 'Shutdown'
  const reason = forgot ? status.domain?.reason : undefined
  return reason === undefined ? observed : { ...observed, reason }
}
