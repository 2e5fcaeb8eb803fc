import { createHash } from 'node:crypto'
import type { ServerAction } from '../../crds/index.ts'
import { isoMicroseconds } from '../http/time.ts'

/** The ID of the request that led to the action. A change with kubectl has none, so the record's uid stands for it. */
export const requestIdOf = ({ metadata, spec }: ServerAction): string => spec.requestId ?? `req-${metadata.uid ?? ''}`

export const startOf = ({ metadata, status }: ServerAction): string =>
  status?.startTime ?? metadata.creationTimestamp ?? new Date(0).toISOString()

/** The time of the last change, for filters by this time. */
export const changedAt = (action: ServerAction): string =>
  action.status?.finishTime ?? action.status?.events?.at(-1)?.startTime ?? startOf(action)

export interface ActionViewOptions {
  version: number
  instanceId: string
  projectId: string
}

export function renderAction(action: ServerAction, { version, instanceId, projectId }: ActionViewOptions): object {
  const { spec, status } = action
  return {
    action: spec.action,
    instance_uuid: instanceId,
    request_id: requestIdOf(action),
    user_id: spec.user ?? null,
    project_id: spec.project ?? projectId,
    start_time: isoMicroseconds(startOf(action)),
    message: status?.phase === 'Failed' ? 'Error' : null,
    ...(version >= 58 ? { updated_at: isoMicroseconds(changedAt(action)) } : {}),
  }
}

export interface EventViewOptions {
  version: number
  projectId: string
  showsTraceback: boolean
  showsHost: boolean
  showsDetails: boolean
}

/** The events, newest first. */
export const renderEvents = ({ status = {} }: ServerAction, options: EventViewOptions): object[] =>
  (status.events ?? []).map((event) => renderEvent(event, status.message, options)).toReversed()

type Event = NonNullable<NonNullable<ServerAction['status']>['events']>[number]

function renderEvent(
  { event, startTime, finishTime, result, traceback, host }: Event,
  failure: string | undefined,
  { version, projectId, showsTraceback, showsHost, showsDetails }: EventViewOptions,
): object {
  return {
    event,
    start_time: isoMicroseconds(startTime),
    finish_time: finishTime === undefined ? null : isoMicroseconds(finishTime),
    result: result ?? null,
    ...(showsTraceback ? { traceback: traceback ?? null } : {}),
    ...(version >= 62 ? { hostId: host === undefined ? '' : hashOf(projectId + host) } : {}),
    ...(version >= 62 && showsHost ? { host: host ?? null } : {}),
    ...(version >= 84 && showsDetails ? { details: result === 'Error' ? (failure ?? null) : null } : {}),
  }
}

const hashOf = (text: string): string => createHash('sha224').update(text).digest('hex')
