import { isConflict } from '../../kube/errors.ts'
import type { StoreDef } from '../../kube/store.ts'
import { type KubeObject, keyOf } from '../../kube/types.ts'
import { Fault } from '../http/fault.ts'
import type { CallerState } from './state.ts'

const MAX_ATTEMPTS = 5

export interface MergePatch {
  metadata?: object
  spec?: object
}

/**
 * Writes the patch that `change` makes of the newest object, as the caller. After a conflict it waits for the cache and
 * tries again, at most five times. An error that `change` throws ends the attempts.
 */
export async function patchNewest<T extends KubeObject>(
  def: StoreDef<T>,
  object: T,
  change: (newest: T) => MergePatch | Promise<MergePatch>,
  { state }: { state: CallerState },
): Promise<T> {
  let newest = object
  for (let attempt = 1; ; attempt++) {
    const { resourceVersion } = newest.metadata
    const { metadata, ...others } = await change(newest)
    try {
      return await state.write(def).patch(newest.metadata, { ...others, metadata: { ...metadata, resourceVersion } })
    } catch (error) {
      if (!(error instanceof Fault) || !isConflict(error.cause) || attempt === MAX_ATTEMPTS) throw error
      const changed = await state.shared
        .waiterOf(def)
        ?.waitFor(keyOf(newest.metadata), (cached) => cached?.metadata.resourceVersion !== resourceVersion)
      if (!changed) throw error
      newest = changed
    }
  }
}
