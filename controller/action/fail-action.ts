/** Fails a ServerAction that was admitted and that no host will run. */
import {
  type NewCondition,
  type Reason,
  type Server,
  type ServerAction,
  withTransitionTimes,
} from '../../crds/index.ts'
import { keyOf } from '../../kube/types.ts'
import { applyStatus } from '../apply-status.ts'
import type { Stores } from '../stores.ts'
import { isFinished } from './phase.ts'

/**
 * Fails the action in the server's slot. The caller frees the slot.
 * @returns false if the action has changed since it was read, and the caller must try again
 */
export async function failActiveAction(
  { metadata, status }: Server,
  failure: Failure,
  stores: Pick<Stores, 'actions'>,
  now: string,
): Promise<boolean> {
  const { name = '', uid } = status?.activeAction ?? {}
  const seen = stores.actions.cache.get(keyOf({ namespace: metadata.namespace, name }))
  // Its user has deleted the action: there is nothing left to write to.
  if (!seen || seen.metadata.uid !== uid || isFinished(seen)) return true
  const { ownerReferences } = seen.metadata
  const { result } = await applyStatus(stores.actions.api, {
    kind: 'ServerAction',
    owner: 'admission',
    seen,
    status: failedStatus(seen, failure, now),
    ...(ownerReferences ? { ownerReferences } : {}),
  })
  return result !== 'conflict'
}

interface Failure {
  reason: Reason
  message: string
}

function failedStatus({ status = {} }: ServerAction, { reason, message }: Failure, now: string) {
  const set: NewCondition = { type: 'Complete', status: 'False', reason, message }
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'Complete')
  const conditions = [...others, ...withTransitionTimes([set], status.conditions, now)]
  return { ...status, phase: 'Failed' as const, message: message.slice(0, 8192), finishTime: now, conditions }
}
