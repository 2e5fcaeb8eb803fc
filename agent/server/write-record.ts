import { agentManagerOf, type Server, type ServerAction } from '../../crds/index.ts'
import {
  ignoreNotFound,
  isAlreadyExists,
  isConflictOrUidMismatch,
  isForbidden,
  isNamespaceTerminating,
  isNotFound,
} from '../../kube/errors.ts'
import type { Draft } from '../../kube/types.ts'
import {
  changeRecord,
  type EndedAction,
  endedActionOf,
  endedStatus,
  isEnded,
  recordName,
  requestRecord,
  runningStatus,
  type StartedAction,
} from './action-record.ts'
import type { ActionRun, FormerRun } from './action-run.ts'
import type { Deps } from './deps.ts'
import { type AdmittedRequest, announcedAction, type Planned } from './plan.ts'

type RecordDeps = Pick<Deps, 'actions' | 'hostName' | 'clocks'>

const recordCountOf = ({ status }: Server): number => status?.actionRecords ?? 0

/** Creates the action record if the action follows from a change of the spec. */
export async function writeRunningRecord(server: Server, run: ActionRun, deps: RecordDeps): Promise<void> {
  const { planned, startTime, steps } = run
  const started: StartedAction = { planned, host: deps.hostName, startTime, steps }
  if (planned.request) return applyRequestRecord(server, planned.request, { steps: [...steps] }, deps)
  const status = runningStatus(started)
  if (run.recordNumber !== undefined) return applyRecord(changeRecord(server, run.recordNumber, started, status), deps)
  run.recordNumber = await createRecord(server, recordCountOf(server) + 1, started, status, deps)
}

/**
 * @param number the number in the record's name; undefined if a ServerAction requested the action, or if no record
 * exists yet
 * @returns the number of the server's action records afterwards
 */
export async function writeEndedRecord(
  server: Server,
  ended: EndedAction,
  number: number | undefined,
  deps: RecordDeps,
): Promise<number> {
  const status = endedStatus(ended)
  const { request } = ended.planned
  if (request) {
    await applyRequestRecord(server, request, status, deps)
    return recordCountOf(server)
  }
  if (number === undefined)
    return (await createRecord(server, recordCountOf(server) + 1, ended, status, deps)) ?? recordCountOf(server)
  await applyRecord(changeRecord(server, number, ended, status), deps)
  return number
}

/**
 * Does nothing if the record is gone and its namespace is being deleted: the API server then creates no object any
 * more.
 */
async function applyRecord(record: Draft<ServerAction>, { actions, hostName }: RecordDeps): Promise<void> {
  try {
    await actions.apply(record, { fieldManager: agentManagerOf(hostName) })
  } catch (error) {
    if (!isNamespaceTerminating(error)) throw error
  }
}

async function applyRequestRecord(
  server: Server,
  request: AdmittedRequest,
  status: NonNullable<ServerAction['status']>,
  deps: RecordDeps,
): Promise<void> {
  try {
    await applyRecord(requestRecord(server, request, status), deps)
  } catch (error) {
    // An admission policy forbids changing an ended record. The controller may have ended this one because no host can
    // run the request.
    if (isForbidden(error)) {
      const record = await readRecord(server, request.name, deps)
      if (record && isEnded(record)) return
    }
    // The user has deleted the ServerAction. The write names its uid, so it cannot create the ServerAction again, and a
    // further try cannot help.
    if (!isNotFound(error) && !isConflictOrUidMismatch(error)) throw error
  }
}

/**
 * Creates the record under the first free number. If the agent wrote this record before a crash, uses that one. A
 * number can also be taken by a record that the status does not count, because the host lost power before the write of
 * the status.
 * @returns the number of the record; undefined if it was not created because its namespace is being deleted
 */
async function createRecord(
  server: Server,
  number: number,
  started: StartedAction,
  status: NonNullable<ServerAction['status']>,
  deps: RecordDeps,
): Promise<number | undefined> {
  const draft = changeRecord(server, number, started, status)
  try {
    await deps.actions.create(draft, { fieldManager: agentManagerOf(deps.hostName) })
    return number
  } catch (error) {
    if (isNamespaceTerminating(error)) return undefined
    if (!isAlreadyExists(error)) throw error
  }
  const found = await ignoreNotFound(deps.actions.get(draft.metadata))
  if (!isRecordOf(found, server, started.planned, deps)) return createRecord(server, number + 1, started, status, deps)
  if (found.status?.phase === status.phase) return number
  if (isEnded(found)) return createRecord(server, number + 1, started, status, deps)
  await applyRecord(draft, deps)
  return number
}

const isRecordOf = (
  record: ServerAction | undefined,
  { metadata }: Server,
  { action }: Pick<Planned, 'action'>,
  { hostName }: RecordDeps,
): record is ServerAction =>
  record?.spec.action === action &&
  record.status?.host === hostName &&
  record.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) === true

/**
 * Reads the action record of an action that an earlier process of the agent announced (by its task state in the status)
 * and did not finish.
 */
export const readFormerRun = (server: Server, planned: Planned, deps: RecordDeps): Promise<FormerRun> =>
  planned.request ? readRequestedRun(server, planned, planned.request, deps) : readOwnRun(server, planned, deps)

async function readRequestedRun(
  server: Server,
  planned: Planned,
  { name, uid }: AdmittedRequest,
  deps: RecordDeps,
): Promise<FormerRun> {
  const record = await readRecord(server, name, deps)
  if (record?.metadata.uid !== uid) return { steps: [] }
  const ended = record.status?.host === deps.hostName ? endedActionOf(record, planned) : undefined
  const end = ended ? { end: { ended, isUndone: true, actionRecords: recordCountOf(server) } } : {}
  return { steps: record.status?.steps ?? [], ...end }
}

async function readOwnRun(server: Server, planned: Planned, deps: RecordDeps): Promise<FormerRun> {
  const recordNumber = recordCountOf(server) + 1
  const record = await readRecord(server, recordName(server, recordNumber), deps)
  if (!isRecordOf(record, server, planned, deps) || record.status?.phase !== 'Running') return { steps: [] }
  const { startTime, steps = [] } = record.status
  return { recordNumber, steps, ...(startTime === undefined ? {} : { startTime }) }
}

const readRecord = ({ metadata: { namespace } }: Server, name: string, { actions }: RecordDeps) =>
  ignoreNotFound(actions.get({ name, ...(namespace === undefined ? {} : { namespace }) }))

/**
 * Ends the record of an action that was announced in the status but is not continued, because the server needs another
 * action by now.
 * @returns the number of the server's action records afterwards
 */
export async function closeInterruptedRecord(server: Server, deps: RecordDeps): Promise<number> {
  const action = announcedAction(server)
  if (action === undefined) return recordCountOf(server)
  const planned: Planned = { action, params: {}, id: '' }
  const { recordNumber, ...former } = await readFormerRun(server, planned, deps)
  if (recordNumber === undefined) return recordCountOf(server)
  const now = deps.clocks.wall()
  const message = 'it was interrupted, and by then the server needed another action'
  const failure = { code: 'Interrupted', message, final: true, isRefusal: true } as const
  const ended = { startTime: now, ...former, planned, host: deps.hostName, finishTime: now, failure }
  return writeEndedRecord(server, ended, recordNumber, deps)
}
