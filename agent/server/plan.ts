/**
 * Plans the next action for a server of this host. Pure. The first applicable action wins: delete the server, run the
 * admitted action request, create the server, finish an interrupted action, reach the desired power.
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
   * Identifies this execution of the action, and stays the same when a restarted agent plans it again. If the action
   * boots the guest, the id is also the boot ID in the domain's metadata.
   */
  id: string
  /**
   * True if the server had reached its desired power and has lost it, for example by a power failure of the host, so
   * that the agent acts by itself.
   */
  restores?: true
  /** The ServerAction that requested the action; undefined if no user requested it. */
  request?: AdmittedRequest
}

export interface AdmittedRequest {
  name: string
  uid: string
  admittedAt: string
  requestId?: string
}

/** Returns the next action; undefined if there is nothing to do. */
export function plan(server: Server, observed: Observed): Planned | undefined {
  const { metadata, status } = server
  if (metadata.deletionTimestamp) return { action: 'delete', params: {}, id: `delete:${metadata.uid}` }
  if (!status?.instance) return undefined
  const requested = admittedRequest(server)
  if (requested) return resolveRequest(server, observed, requested)
  // Do not try the failed action again until the spec changes or a user requests an action. Otherwise the action would
  // run again and again.
  if (status.vmState === 'error' && status.observedGeneration === metadata.generation) return undefined
  if (!status.launchedAt) return { action: 'create', params: {}, id: `create:${metadata.uid}` }
  const isChanged = isPowerChanged(server)
  const interrupted = interruptedAction(server, observed)
  const action = interrupted ?? actionForPower(targetPowerOf(server), observed, isChanged)
  if (!action) return undefined
  const id = `${action}:${metadata.uid}:${metadata.generation}`
  return { action, params: {}, id, ...(interrupted || isChanged ? {} : { restores: true }) }
}

/**
 * Whether the server would need an action or a report even if its domain had the desired power. Used while the domain
 * cannot be observed.
 */
export const hasWorkBesidesPower = (server: Server): boolean =>
  server.metadata.generation !== server.status?.observedGeneration ||
  plan(server, { power: powerWhenReached[targetPowerOf(server)] }) !== undefined

/**
 * Returns the power action that the status announces by its task state. The agent announces an action before it runs
 * it.
 */
export const announcedAction = ({ status }: Server): ActionName | undefined =>
  status?.taskState === undefined
    ? undefined
    : powerActions.find((name) => actions[name].task?.({}) === status.taskState)

/**
 * Returns the announced power action if it was interrupted and must run again: either to finish it, or to record its
 * end because the domain already has the power to which it leads.
 */
function interruptedAction(server: Server, observed: Observed): ActionName | undefined {
  const name = announcedAction(server)
  if (name === undefined) return undefined
  const { interruptible, desiredPower = 'Running' } = actions[name]
  if (isReached(desiredPower, observed.power)) return name
  // Finish the action only if it can still lead to its power. If the domain has powered off, for example, a suspend has
  // no memory to save.
  const leadsOn = actionForPower(desiredPower, observed, true) === name
  return !interruptible && leadsOn ? name : undefined
}

function resolveRequest(server: Server, observed: Observed, requested: Planned): Planned {
  const { boots, retries } = actions[requested.action]
  if (!boots) return requested
  // No creation has succeeded yet, so run `create` instead of the requested action. If an action fails, only `create`
  // removes the server's disks and domain.
  if (server.status?.launchedAt === undefined) return { ...requested, action: 'create', params: {} }
  return retries ? { ...requested, action: retriedAction(server, observed) } : requested
}

/** For a server in error, a requested `start` means "try again". */
function retriedAction(server: Server, observed: Observed): ActionName {
  // A guest that was asked to power off may still do so.
  const announced = announcedAction(server)
  if (announced !== undefined) return announced
  const target = targetPowerOf(server)
  const first = actionReaching(target)
  // Prefer `first` if it boots the guest, because a boot uses the current spec. If the domain already has the target
  // power, `first` changes nothing and completes the request.
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
 * A restarted libvirtd has forgotten why a domain is off, so the reason is taken from the Server's status. Without it,
 * the agent would start a guest that had powered itself off or was saved to a file.
 */
export function restoreShutdownReason(observed: Observed, { status }: Server): Observed {
  const forgot = observed.power === 'off' && observed.reason === 'unknown' && status?.powerState === 'Shutdown'
  const reason = forgot ? status.domain?.reason : undefined
  return reason === undefined ? observed : { ...observed, reason }
}
