import { Value } from 'typebox/value'
import type { Reason, Server, ServerStatus } from '../crds/index.ts'
import type { Action } from './action.ts'
import { actions, isRequestable } from './index.ts'
import { targetPowerOf } from './mode.ts'

export type Admission = { admit: true } | { admit: false; reason: Reason; message: string }

const reject = (reason: Reason, message: string): Admission => ({ admit: false, reason, message })

/** The name of the ServerAction that was admitted and has not ended, or undefined. A server has at most one. */
export function runningRequestOf(server: Server): string | undefined {
  const { activeAction, lastCompletedAction } = server.status ?? {}
  return activeAction && activeAction.uid !== lastCompletedAction ? activeAction.name : undefined
}

/**
 * Decides whether the ServerAction may run. If there are several reasons to reject it, the result gives the first in
 * Nova's order.
 * @param params the field of the ServerAction's spec that has the action's name
 * @param options whether the request says that a lock of the server does not matter
 */
export function admit(server: Server, name: string, params: unknown, { ignoreLock = false } = {}): Admission {
  if (!isRequestable(name))
    return reject('NotRequestable', `${name} is not requested by a ServerAction: change the Server's spec instead`)
  const { request } = actions[name]
  if (!request || !Value.Check(request, params ?? {}))
    return reject(
      'InvalidParameters',
      `the parameters of ${name} are not valid: see kubectl explain serveraction.spec.${name}`,
    )
  if (server.metadata.deletionTimestamp) return reject('ServerTerminating', 'the server is being deleted')
  const running = runningRequestOf(server)
  if (running !== undefined) return reject('ActionUnderWay', `${running} is under way; try again when it has ended`)
  if (server.spec.locked && !ignoreLock)
    return reject('ServerLocked', 'the server is locked: set spec.locked to false first')
  return admitInState(server, actions[name], params)
}

const isRetry = ({ retries }: Action, vmState: string | undefined): boolean => retries === true && vmState === 'error'

/**
 * Whether the action would boot a guest that the Server's spec wants off, paused or suspended. The agent would undo
 * such a boot at once. The result is false for a retry of an operation that failed.
 */
const conflictsWithPowerState = (server: Server, action: Action): boolean =>
  action.boots === true && targetPowerOf(server) !== 'Running' && !isRetry(action, server.status?.vmState)

function admitInState(server: Server, action: Action, params: unknown): Admission {
  const { name } = action
  const { host, vmState = 'building', taskState } = server.status ?? {}
  if (host === undefined && !isRetry(action, vmState))
    return reject('NotScheduled', `${name} needs a server that has a host; this one has none yet`)
  if (taskState !== undefined)
    return reject('InvalidState', `cannot ${name} while the server is in task_state ${taskState}`)
  const objection = objectionTo(server, action, params)
  if (objection !== undefined) return reject('InvalidState', objection)
  if (conflictsWithPowerState(server, action))
    return reject('ConflictsWithPowerState', `spec.powerState is ${server.spec.powerState}: set it to Running instead`)
  return { admit: true }
}

/** Nova's power state Suspended means that the guest has suspended itself to RAM. */
const canWake = ({ powerState }: Partial<ServerStatus>, { wakes }: Action): boolean =>
  wakes === true && powerState === 'Suspended'

/** Returns undefined if the state of the server allows the action. */
function objectionTo({ status = {} }: Server, action: Action, params: unknown): string | undefined {
  const { name, from, inMode, boots } = action
  const { vmState = 'building', mode = 'normal', launchedAt } = status
  if (!from.includes(vmState) && !canWake(status, action))
    return `cannot ${name} while the server is in vm_state ${vmState}: only from ${from.join(', ')}`
  if (inMode !== undefined && inMode !== mode)
    return `cannot ${name} while the server is in mode ${mode}: only in mode ${inMode}`
  if (launchedAt === undefined && boots !== true)
    return `cannot ${name} a server that was never built: create a ServerAction with action: start`
  return action.objection?.((params ?? {}) as Record<string, never>, vmState)
}
