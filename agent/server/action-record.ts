/** The action record: one ServerAction for each action, with Nova's event. Pure; write-record.ts writes it. */
import { actions } from '../../actions/index.ts'
import { type Server, type ServerAction, type StepStatus, serverOwnerReference } from '../../crds/index.ts'
import type { Draft } from '../../kube/types.ts'
import type { AdmittedRequest, Planned } from './plan.ts'
import type { Failure } from './status.ts'

export interface StartedAction {
  planned: Planned
  host: string
  /** RFC 3339. */
  startTime: string
  /** Only of an action that lasts, or that a crash interrupted. */
  steps?: readonly StepStatus[]
}

export interface EndedAction extends StartedAction {
  /** RFC 3339. */
  finishTime: string
  failure?: Failure
}

type RecordStatus = NonNullable<ServerAction['status']>

/** Name of the action record number `number` for a change of this server's spec. The numbers begin with 1. */
export const recordName = (server: Server, number: number): string => `${server.metadata.name}-${number}`

/** The status of an action that runs. */
export const runningStatus = ({ planned, host, startTime, steps }: StartedAction): RecordStatus => ({
  phase: 'Running',
  host,
  startTime: planned.request?.admittedAt ?? startTime,
  ...(steps ? { steps: [...steps] } : {}),
})

/** The status of an action that has ended. */
export function endedStatus({ finishTime, failure, ...started }: EndedAction): RecordStatus {
  const { planned, host, startTime } = started
  const result = failure ? 'Error' : 'Success'
  const event = { event: actions[planned.action].event, host, startTime, finishTime, result } as const
  return {
    ...runningStatus(started),
    phase: failure ? 'Failed' : 'Succeeded',
    finishTime,
    ...(failure ? { message: failure.message } : {}),
    conditions: [
      {
        type: 'Complete',
        status: failure ? 'False' : 'True',
        reason: failure ? failure.code : 'Succeeded',
        message: failure ? failure.message : `done on ${host}`,
        lastTransitionTime: finishTime,
      },
    ],
    events: [failure ? { ...event, traceback: failure.message } : event],
  }
}

/** The ServerAction of a request with this status, as the agent applies it. */
export function requestRecord(server: Server, request: AdmittedRequest, status: RecordStatus): Draft<ServerAction> {
  const { namespace } = server.metadata
  // The uid keeps another ServerAction of the same name from being taken for it.
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
 * The action record of a change that no ServerAction requested: of spec.powerState, of a creation, of what was
 * restored.
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
