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
 * Sets the ServerAction in the slot status.activeAction to Failed. The caller then empties the slot.
 * @returns false if the ServerAction has changed since it was read, so that the caller must try again
 */
export async function failActiveAction(
  { metadata, status }: Server,
  failure: Failure,
  stores: Pick<Stores, 'actions'>,
  now: string,
): Promise<boolean> {
  const { name = '', uid } = status?.activeAction ?? {}
  const seen = stores.actions.cache.get(keyOf({ namespace: metadata.namespace, name }))
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

/** The conditions from which kstatus concludes that an action has failed, or was rejected. */
export const failedConditions = (reason: Reason, message: string): NewCondition[] => [
  { type: 'Ready', status: 'False', reason, message },
  { type: 'Stalled', status: 'True', reason, message },
]

interface Failure {
  reason: Reason
  message: string
}

function failedStatus({ status = {} }: ServerAction, { reason, message }: Failure, now: string) {
  const set: NewCondition[] = [
    { type: 'Complete', status: 'False', reason, message },
    ...failedConditions(reason, message),
  ]
  const others = (status.conditions ?? []).filter(({ type }) => !set.some((c) => c.type === type))
  const conditions = [...others, ...withTransitionTimes(set, status.conditions, now)]
  return { ...status, phase: 'Failed' as const, message: message.slice(0, 8192), finishTime: now, conditions }
}
