/**
 * Plans the next action for a server of this host. Pure. The plan is the first of these that applies: delete the
 * server, run the admitted action request, create the server, finish an action that a crash interrupted, reach the
 * desired power.
 */
import { type ActionName, actions } from '../../actions/index.ts'
import { targetPowerOf } from '../../actions/mode.ts'
import type { Server } from '../../crds/index.ts'
import type { Observed } from './observed.ts'
import {
  actionForPower,
  actionReaching,
  isPowerChanged,
  isReached,
  powerActions,
  powerWhenReached,
} from './power-policy.ts'

export interface Planned {
  action: ActionName
  params: Record<string, unknown>
  /**
   * Identifies this run of the action: it is the same after a crash of the agent, and another one for the next request.
   * If the action boots the guest, the id is also the boot ID in the domain's metadata.
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
  // A server with a fault gets no action until the spec changes or an action is requested. Otherwise the failed action
  // would be planned, and fail, again and again.
  if (status.vmState === 'error' && status.observedGeneration === metadata.generation) return undefined
  if (!status.launchedAt) return { action: 'create', params: {}, id: `create:${metadata.uid}` }
  const isChanged = isPowerChanged(server)
  const interrupted = interruptedAction(server, observed)
  const action = interrupted ?? actionForPower(targetPowerOf(server), observed, isChanged)
  if (!action) return undefined
  const id = `${action}:${metadata.uid}:${metadata.generation}`
  return { action, params: {}, id, ...(interrupted || isChanged ? {} : { restores: true }) }
}

/** Whether an action or a status report would be pending for the server even if its domain had the desired power. */
export const hasWorkBesidesPower = (server: Server): boolean =>
  server.metadata.generation !== server.status?.observedGeneration ||
  plan(server, { power: powerWhenReached[targetPowerOf(server)] }) !== undefined

/**
 * The power action whose task state is in the status: the agent has announced the action before it ran it. Undefined if
 * there is none.
 */
export const announcedAction = ({ status }: Server): ActionName | undefined =>
  status?.taskState === undefined
    ? undefined
    : powerActions.find((name) => actions[name].task?.({}) === status.taskState)

/**
 * The power action that the agent had announced but not ended when it died, if it must be finished. If the action has
 * already reached its power, it is returned as well: running it again changes nothing and records its end.
 */
function interruptedAction(server: Server, observed: Observed): ActionName | undefined {
  const name = announcedAction(server)
  if (name === undefined) return undefined
  const { interruptible, desiredPower = 'Running' } = actions[name]
  if (isReached(desiredPower, observed.power)) return name
  // The domain may have powered off meanwhile. A suspend, for example, then has no memory to save, so it does not lead
  // to its power any more and is not finished.
  const leadsOn = actionForPower(desiredPower, observed, true) === name
  return !interruptible && leadsOn ? name : undefined
}

/** Resolves a request to the action that must run for it. */
function resolveRequest(server: Server, observed: Observed, requested: Planned): Planned {
  const { boots, retries } = actions[requested.action]
  if (!boots) return requested
  // Without launchedAt, no creation has succeeded yet, so a request to boot runs `create` again. Unlike a boot,
  // `create` cleans up if it fails.
  if (server.status?.launchedAt === undefined) return { ...requested, action: 'create', params: {} }
  return retries ? { ...requested, action: retriedAction(server, observed) } : requested
}

/**
 * The action that leads to the desired power when a user requests `start` for a server in error, which means "try
 * again".
 */
function retriedAction(server: Server, observed: Observed): ActionName {
  // An announced action is finished first: a guest that was asked to power off may still do so at any time.
  const announced = announcedAction(server)
  if (announced !== undefined) return announced
  const target = targetPowerOf(server)
  const first = actionReaching(target)
  // Prefer a boot, because it uses the current spec. If the power is reached already, run the action that reaches it:
  // it changes nothing, and it completes the request.
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
 * Restores from the status the reason why a domain is off, because a restarted libvirtd does not know the reason any
 * more. Without it, the agent would start a guest that powered itself off, or whose memory a person saved to a file.
 */
export function restoreShutdownReason(observed: Observed, { status }: Server): Observed {
  const forgot = observed.power === 'off' && observed.reason === 'unknown' && status?.powerState === 'Shutdown'
  const reason = forgot ? status.domain?.reason : undefined
  return reason === undefined ? observed : { ...observed, reason }
}
