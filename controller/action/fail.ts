/** A ServerAction that was admitted and that no host will run: it fails, with what stands in the way. */
import { type NewCondition, type Reason, type Server, type ServerAction, stamp } from '../../crds/index.ts'
import { keyOf } from '../../kube/types.ts'
import { applyStatus } from '../apply-status.ts'
import type { Stores } from '../stores.ts'
import { isEnded } from './phase.ts'

/** Fails the action in the server's slot; the slot is the caller's to free. Answers false if the action has changed since it was read: try again. */
export async function failDeed(
  { metadata, status }: Server,
  why: Why,
  stores: Pick<Stores, 'actions'>,
  now: string,
): Promise<boolean> {
  const { name = '', uid } = status?.activeAction ?? {}
  const seen = stores.actions.cache.get(keyOf({ namespace: metadata.namespace, name }))
  // Deleted by its user: nothing is left to write to.
  if (!seen || seen.metadata.uid !== uid || isEnded(seen)) return true
  const { ownerReferences } = seen.metadata
  const { result } = await applyStatus(stores.actions.api, {
    kind: 'ServerAction',
    owner: 'admission',
    seen,
    status: failed(seen, why, now),
    ...(ownerReferences ? { ownerReferences } : {}),
  })
  return result !== 'conflict'
}

interface Why {
  reason: Reason
  message: string
}

function failed({ status = {} }: ServerAction, { reason, message }: Why, now: string) {
  const set: NewCondition = { type: 'Complete', status: 'False', reason, message }
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'Complete')
  const conditions = [...others, ...stamp([set], status.conditions, now)]
  return { ...status, phase: 'Failed' as const, message: message.slice(0, 8192), finishTime: now, conditions }
}
