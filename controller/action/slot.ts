/**
 * The slot of a Server for one action at a time: status.activeAction. The controller writes an admitted action into the
 * slot. The slot is free when it is empty, or when status.lastCompletedAction is the uid of the action in the slot. The
 * controller empties the slot if no agent will finish the action, or if the action contains a password that the agent
 * has used.
 */
import type { AdmittedAction, Server } from '../../crds/index.ts'
import { keyOf } from '../../kube/types.ts'
import type { StatusWrite } from '../../kube/write-status.ts'
import { applyStatus } from '../apply-status.ts'
import type { Stores } from '../stores.ts'
import { isFinished } from './phase.ts'

/**
 * The write is a compare-and-swap: of two ServerActions that are to be admitted at the same time, only one gets the
 * slot.
 */
export const occupyActionSlot = (server: Server, activeAction: AdmittedAction, { servers }: Pick<Stores, 'servers'>) =>
  applyStatus(servers.api, { kind: 'Server', owner: 'admission', seen: server, status: { activeAction } })

export const releaseActionSlot = (server: Server, { servers }: Pick<Stores, 'servers'>): Promise<StatusWrite<Server>> =>
  applyStatus(servers.api, { kind: 'Server', owner: 'admission', seen: server, status: {} })

/**
 * Whether the slot still contains an encrypted password although the agent has completed the action. The controller
 * then empties the slot.
 */
export const hasUsedSecret = ({ status }: Server): boolean =>
  status?.activeAction?.params?.['sealed'] !== undefined && status.activeAction.uid === status.lastCompletedAction

/** Whether the action in the slot is finished, according to status.lastCompletedAction or to its ServerAction. */
export function hasFinishedAction({ metadata, status }: Server, { actions }: Pick<Stores, 'actions'>): boolean {
  const { activeAction, lastCompletedAction } = status ?? {}
  if (!activeAction) return false
  if (activeAction.uid === lastCompletedAction) return true
  const action = actions.cache.get(keyOf({ namespace: metadata.namespace, name: activeAction.name }))
  return action !== undefined && action.metadata.uid === activeAction.uid && isFinished(action)
}
