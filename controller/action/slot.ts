/** A Server's slot for an action, `status.activeAction`: admission puts a ServerAction into it, and takes it out where the agent cannot end it. */
import type { AdmittedAction, Server } from '../../crds/index.ts'
import { keyOf } from '../../kube/types.ts'
import type { StatusWrite } from '../../kube/write-status.ts'
import { applyStatus } from '../apply-status.ts'
import type { Stores } from '../stores.ts'
import { isEnded } from './phase.ts'

/** A compare-and-swap, so that of two ServerActions at once one has to wait. */
export const occupyActionSlot = (server: Server, activeAction: AdmittedAction, { servers }: Pick<Stores, 'servers'>) =>
  applyStatus(servers.api, { kind: 'Server', owner: 'admission', seen: server, status: { activeAction } })

export const releaseActionSlot = (server: Server, { servers }: Pick<Stores, 'servers'>): Promise<StatusWrite<Server>> =>
  applyStatus(servers.api, { kind: 'Server', owner: 'admission', seen: server, status: {} })

/** Whether the action in the slot has ended: the agent has completed it, or its ServerAction says so. */
export function hasFinishedAction({ metadata, status }: Server, { actions }: Pick<Stores, 'actions'>): boolean {
  const { activeAction, lastCompletedAction } = status ?? {}
  if (!activeAction) return false
  if (activeAction.uid === lastCompletedAction) return true
  const action = actions.cache.get(keyOf({ namespace: metadata.namespace, name: activeAction.name }))
  return action !== undefined && action.metadata.uid === activeAction.uid && isEnded(action)
}
