import { isActionName, actions as registry } from '../../../actions/index.ts'
import type { Server, ServerAction, TaskState } from '../../../crds/index.ts'
import { keyOf } from '../../../kube/types.ts'
import type { State } from '../../state/state.ts'
import { actions, actionsByServer } from '../../state/stores.ts'

const ended = new Set(['Succeeded', 'Failed', 'Rejected'])
export const hasEnded = ({ status }: ServerAction): boolean => ended.has(status?.phase ?? '')

/**
 * The task state of the oldest request that has not ended; undefined if there is none, or if its action has no task.
 */
export function requestedTaskOf({ metadata }: Server, state: State): TaskState | undefined {
  const requests = state.storeOf(actions).cache.byIndex(actionsByServer, keyOf(metadata))
  if (requests.length === 0) return undefined
  const [first] = requests
    // The record of a deletion may be that of a former server with this name.
    .filter((request) => !hasEnded(request) && request.status?.deletedServer === undefined)
    .toSorted((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))
  const name = first?.spec.action ?? ''
  if (!first || !isActionName(name)) return undefined
  return registry[name].task?.((first.spec[name] ?? {}) as Record<string, never>)
}
