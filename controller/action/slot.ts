/**
 * The slot of a Server for one action, `status.activeAction`. Admission fills it, and frees it if no agent can finish
 * the action.
 */
import type { AdmittedAction, Server } from '../../crds/index.ts'
import { keyOf } from '../../kube/types.ts'
import type { StatusWrite } from '../../kube/write-status.ts'
import { applyStatus } from '../apply-status.ts'
import type { Stores } from '../stores.ts'
import { isFinished } from './phase.ts'

/** A compare-and-swap: of two ServerActions at once, only one gets the slot. */
export const occupyActionSlot = (server: Server, activeAction: AdmittedAction, { servers }: Pick<Stores, 'servers'>) =>
  applyStatus(servers.api, { kind: 'Server', owner: 'admission', seen: server, status: { activeAction } })

export const releaseActionSlot = (server: Server, { servers }: Pick<Stores, 'servers'>): Promise<StatusWrite<Server>> =>
  applyStatus(servers.api, { kind: 'Server', owner: 'admission', seen: server, status: {} })

/**
 * Whether the slot still has a password that its agent has used. The completed action is then removed from the slot.
 */
export const hasUsedSecret = ({ status }: Server): boolean =>
  status?.activeAction?.params?.['sealed'] !== undefined && status.activeAction.uid === status.lastCompletedAction

/** Whether the action in the slot is finished, by the agent's completion or by its ServerAction. */
export function hasFinishedAction({ metadata, status }: Server, { actions }: Pick<Stores, 'actions'>): boolean {
  const { activeAction, lastCompletedAction } = status ?? {}
  if (!activeAction) return false
  if (activeAction.uid === lastCompletedAction) return true
  const action = actions.cache.get(keyOf({ namespace: metadata.namespace, name: activeAction.name }))
  return action !== undefined && action.metadata.uid === activeAction.uid && isFinished(action)
}
