/** The record of an action: one ServerAction each, with Nova's event. Pure; the writing is in reconcile.ts. */
import { actions } from '../../actions/index.ts'
import { ownedBy, type Server, type ServerAction } from '../../crds/index.ts'
import type { Draft } from '../../kube/types.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

export interface Ended {
  planned: Planned
  host: string
  /** RFC 3339. */
  startTime: string
  finishTime: string
  failure?: Failure
}

/** Name of the next record of a change of this server. Counted in its status: a crash before the count is written finds the name taken. */
export const recordName = (server: Server, records: number): string => `${server.metadata.name}-${records + 1}`

function statusOf({ planned, host, startTime, finishTime, failure }: Ended): NonNullable<ServerAction['status']> {
  const result = failure ? 'Error' : 'Success'
  const event = { event: actions[planned.action].event, host, startTime, finishTime, result } as const
  return {
    phase: failure ? 'Failed' : 'Succeeded',
    host,
    startTime: planned.request?.admittedAt ?? startTime,
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

/** The end of the action record of a request. */
export function requestEnd(server: Server, request: { name: string; uid: string }, ended: Ended): Draft<ServerAction> {
  const { namespace } = server.metadata
  // With the uid, another ServerAction of the same name is not mistaken for it.
  return {
    metadata: {
      name: request.name,
      uid: request.uid,
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [ownedBy(server)],
    },
    status: statusOf(ended),
  }
}

/** The record of a change that nobody asked for by a ServerAction: of spec.powerState, of a creation, of what was restored. */
export function changeRecord(server: Server, records: number, ended: Ended): Draft<ServerAction> {
  const { name, namespace } = server.metadata
  return {
    metadata: {
      name: recordName(server, records),
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [ownedBy(server)],
    },
    spec: { server: name, action: ended.planned.action },
    status: statusOf(ended),
  }
}
