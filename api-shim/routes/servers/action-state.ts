import type { Server, VmState } from '../../../crds/index.ts'
import { newConflict } from '../../http/fault.ts'
import { uuidOf } from '../../state/stores.ts'
import { taskStateOf, vmStateOf } from '../../views/server-status.ts'
import type { RouteRequest } from '../route.ts'
import { checkLock } from './find.ts'
import { requestedTaskOf } from './requests.ts'

export interface StateRule {
  name: string
  /** The vm_states that allow the action. */
  from: readonly VmState[]
  /** true: also while another task runs. */
  whileBusy?: boolean
  /** true: also before the server was launched for the first time. */
  unlaunched?: boolean
  /** true: the server needs a host, which is checked before its state. */
  needsHost?: boolean
  /** true: the fault for a locked server has the text of an invalid state, because Nova's route does not know locks. */
  hidesLock?: boolean
  /** true: the action is allowed on a locked server. */
  ignoresLock?: boolean
}

/** Throws a 409 in Nova's order: lock, host, vm_state, task_state, never launched. */
export function checkState(
  server: Server,
  rule: StateRule,
  request: Pick<RouteRequest<never>, 'caller' | 'params' | 'state'>,
): void {
  const { name, from } = rule
  const id = uuidOf(server)
  const invalid = `Instance ${id} is in an invalid state for '${name}'`
  if (!rule.ignoresLock) checkLock(server, request, rule.hidesLock ? invalid : undefined)
  const { host, launchedAt } = server.status ?? {}
  if (rule.needsHost && host === undefined) throw newConflict(`Instance ${id} is not ready`)
  const vmState = vmStateOf(server)
  if (!from.includes(vmState)) throw newConflict(`Cannot '${name}' instance ${id} while it is in vm_state ${vmState}`)
  if (!rule.whileBusy) checkIdle(server, name, request)
  if (!rule.unlaunched && launchedAt === undefined) throw newConflict(invalid)
}

function checkIdle(server: Server, name: string, { state }: Pick<RouteRequest<never>, 'state'>): void {
  const task = taskStateOf(server, requestedTaskOf(server, state.shared))
  if (task !== undefined)
    throw newConflict(`Cannot '${name}' instance ${uuidOf(server)} while it is in task_state ${task}`)
}
