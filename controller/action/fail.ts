/** A deed that was admitted and that no host will do: it has ended with what stands in the way. */
import { type NewCondition, type Reason, type Server, type ServerAction, stamp } from '../../crds/index.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { keyOf } from '../../kube/types.ts'
import { MANAGER } from '../server/manager.ts'
import type { Stores } from '../stores.ts'

/** Ends the deed in the server's slot. May be repeated; the slot is the caller's to free. */
export async function failDeed({ metadata, status }: Server, why: Why, stores: Stores, now: string): Promise<void> {
  const { name = '', uid } = status?.activeAction ?? {}
  const deed = stores.actions.cache.get(keyOf({ namespace: metadata.namespace, name }))
  if (!deed || deed.metadata.uid !== uid) return
  const { namespace, ownerReferences } = deed.metadata
  const target = { name, uid, ...(namespace ? { namespace } : {}), ...(ownerReferences ? { ownerReferences } : {}) }
  try {
    await stores.actions.api.apply({ metadata: target, status: failed(deed, why, now) }, { fieldManager: MANAGER })
  } catch (error) {
    // Deleted by its user: nobody is left to tell.
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}

interface Why {
  reason: Reason
  message: string
}

function failed({ status = {} }: ServerAction, { reason, message }: Why, now: string): ServerAction['status'] {
  const set: NewCondition = { type: 'Complete', status: 'False', reason, message }
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'Complete')
  const conditions = [...others, ...stamp([set], status.conditions, now)]
  return { ...status, phase: 'Failed', message: message.slice(0, 8192), finishTime: now, conditions }
}
