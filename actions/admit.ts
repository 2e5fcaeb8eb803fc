/** Admission: may this deed be done to this server now? Pure; used by the controller, and by the API for its 409s. */
import { Value } from 'typebox/value'
import type { Reason, Server } from '../crds/index.ts'
import type { Action } from './action.ts'
import { actions, isActionName, isDeed } from './index.ts'

export type Admission = { admit: true } | { admit: false; reason: Reason; message: string }

const refuse = (reason: Reason, message: string): Admission => ({ admit: false, reason, message })

/** The deed that is admitted and has not ended; at most one is. */
export function actionUnderWay(server: Server): string | undefined {
  const { activeAction: action, lastCompletedAction } = server.status ?? {}
  return action && action.uid !== lastCompletedAction ? action.name : undefined
}

/**
 * Decides in Nova's order: is it a deed, are its parameters right, does the server live, is it free, unlocked, and in a state from
 * which the deed may be asked. `params` are those of the ServerAction's member.
 */
export function admit(server: Server, name: string, params: unknown): Admission {
  if (!isActionName(name) || !isDeed(name))
    return refuse('NotRequestable', `${name} is not asked for by a ServerAction: change the Server's spec instead`)
  const { asked } = actions[name]
  if (!asked.deed || !Value.Check(asked.deed, params ?? {}))
    return refuse(
      'InvalidParameters',
      `the parameters of ${name} are not right: see kubectl explain serveraction.spec.${name}`,
    )
  if (server.metadata.deletionTimestamp) return refuse('ServerDeleting', 'the server is being deleted')
  const busy = actionUnderWay(server)
  if (busy !== undefined) return refuse('ActionUnderWay', `${busy} is under way; try again when it has ended`)
  if (server.spec.locked) return refuse('ServerLocked', 'the server is locked: set spec.locked to false first')
  return inState(server, actions[name], params)
}

/** Of what has failed it is another try, of what is wished; where all hosts refused the server, to have them tried again. */
const isRetry = (name: string, vmState: string | undefined): boolean => name === 'start' && vmState === 'error'

/** It would boot what the wish has off, paused or suspended again at once. */
const isAgainstWish = ({ spec, status }: Server, { name, after }: Action): boolean =>
  after === 'active' && spec.powerState !== 'Running' && !isRetry(name, status?.vmState)

function inState(server: Server, action: Action, params: unknown): Admission {
  const { name, from, objection } = action
  const { host, vmState = 'building', taskState } = server.status ?? {}
  if (host === undefined && !isRetry(name, vmState))
    return refuse('NoHost', `${name} needs a server that has a host; this one has none yet`)
  if (taskState !== undefined)
    return refuse('InvalidState', `cannot ${name} while the server is in task_state ${taskState}`)
  if (!from.includes(vmState))
    return refuse(
      'InvalidState',
      `cannot ${name} while the server is in vm_state ${vmState}: only from ${from.join(', ')}`,
    )
  const against = objection?.((params ?? {}) as Record<string, never>, vmState)
  if (against !== undefined) return refuse('InvalidState', against)
  if (isAgainstWish(server, action))
    return refuse('ConflictsWithPowerState', `spec.powerState is ${server.spec.powerState}: set it to Running instead`)
  return { admit: true }
}
