/**
 * An action record is a ServerAction that says what one action did, with an event as in Nova's instance actions. Pure;
 * write-record.ts writes the records.
 */
import { isUnchanging } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import {
  type Condition,
  type FailureScope,
  findCondition,
  reasonOf,
  type Server,
  type ServerAction,
  type StepStatus,
  serverOwnerReference,
} from '../../crds/index.ts'
import type { Draft } from '../../kube/types.ts'
import type { AdmittedRequest, Planned } from './plan.ts'
import type { Failure } from './status.ts'

export interface StartedAction {
  planned: Planned
  host: string
  /** In RFC 3339. */
  startTime: string
  /**
   * Set only if a step takes longer than LASTING_MS (action-run.ts), or if the agent was restarted during the action.
   */
  steps?: readonly StepStatus[]
}

export interface EndedAction extends StartedAction {
  /** In RFC 3339. */
  finishTime: string
  failure?: Failure
}

type RecordStatus = NonNullable<ServerAction['status']>

/** The name of a server's action record for a change of its spec. The numbers begin with 1. */
export const recordName = (server: Server, number: number): string => `${server.metadata.name}-${number}`

export const runningStatus = ({ planned, host, startTime, steps }: StartedAction): RecordStatus => ({
  phase: 'Running',
  host,
  startTime: planned.request?.admittedAt ?? startTime,
  ...(steps ? { steps: [...steps] } : {}),
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: actions[planned.action].reason ?? 'PowerChanging',
      message: actions[planned.action].description,
      lastTransitionTime: startTime,
    },
  ],
})

export function endedStatus({ finishTime, failure, ...started }: EndedAction): RecordStatus {
  const { planned, host, startTime } = started
  const result = failure ? 'Error' : 'Success'
  const event = { event: actions[planned.action].event, host, startTime, finishTime, result } as const
  return {
    ...runningStatus(started),
    phase: failure ? 'Failed' : 'Succeeded',
    finishTime,
    ...(failure ? { message: failure.message, failureScope: failureScopeOf(planned, failure) } : {}),
    conditions: endedConditions({ ...started, finishTime, ...(failure ? { failure } : {}) }),
    events: [failure ? { ...event, traceback: failure.message } : event],
  }
}

/** Users read the condition Complete; kstatus reads Ready and Stalled. */
function endedConditions({ host, finishTime, failure }: EndedAction): Condition[] {
  const why = {
    reason: failure ? failure.code : 'Succeeded',
    message: failure ? failure.message : `done on ${host}`,
    lastTransitionTime: finishTime,
  }
  const status = failure ? 'False' : 'True'
  const ended: Condition[] = [
    { type: 'Complete', status, ...why },
    { type: 'Ready', status, ...why },
  ]
  return failure ? [...ended, { type: 'Stalled', status: 'True', ...why }] : ended
}

/**
 * Returns whether a failure concerns the request, the host or the server. A failure concerns only the request if the
 * action was refused, or if the action changes no state (such as a crash dump).
 */
function failureScopeOf({ action }: Planned, { isRefusal, rejectsHost }: Failure): FailureScope {
  if (isRefusal || isUnchanging(actions[action])) return 'Request'
  return rejectsHost ? 'Host' : 'Server'
}

/** Whether the action of this record has succeeded, failed or been rejected. Its phase never changes again. */
export const isEnded = ({ status }: ServerAction): boolean =>
  !['Pending', 'Running'].includes(status?.phase ?? 'Pending')

/** The end of the action according to its record; undefined if the record has no end. */
export function endedActionOf({ status = {} }: ServerAction, planned: Planned): EndedAction | undefined {
  const { phase, host = '', startTime = '', finishTime = startTime } = status
  if (phase !== 'Succeeded' && phase !== 'Failed') return undefined
  return { planned, host, startTime, finishTime, ...(phase === 'Failed' ? { failure: failureIn(status) } : {}) }
}

/**
 * Only the agent writes a `failureScope`. Without one, the controller has failed the request, which does not change the
 * server's state.
 */
const failureIn = ({ conditions, message = '', failureScope = 'Request' }: RecordStatus): Failure => ({
  code: reasonOf(findCondition(conditions, 'Complete')?.reason),
  message,
  final: true,
  ...(failureScope === 'Request' ? { isRefusal: true } : {}),
  ...(failureScope === 'Host' ? { rejectsHost: true } : {}),
})

/** Writes `status` into the ServerAction of a request by server-side apply. */
export function requestRecord(server: Server, request: AdmittedRequest, status: RecordStatus): Draft<ServerAction> {
  const { namespace } = server.metadata
  // The uid makes the API server reject the write if the user has replaced the ServerAction by another of the same
  // name.
  return {
    metadata: {
      name: request.name,
      uid: request.uid,
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [serverOwnerReference(server)],
    },
    status,
  }
}

/**
 * The record of an action that no ServerAction requested: a creation, a change of spec.powerState, or the restoration
 * of the desired power.
 */
export function changeRecord(
  server: Server,
  number: number,
  { planned }: StartedAction,
  status: RecordStatus,
): Draft<ServerAction> {
  const { name, namespace } = server.metadata
  return {
    metadata: {
      name: recordName(server, number),
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [serverOwnerReference(server)],
    },
    spec: { server: name, action: planned.action },
    status,
  }
}
