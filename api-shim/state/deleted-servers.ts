/**
 * Servers that were deleted a while ago. The controller keeps them in the records of their deletions, which are
 * ServerActions (docs/adr/0062).
 */
import { actions as registry } from '../../actions/index.ts'
import type { Server, ServerAction } from '../../crds/index.ts'
import { defineIndex } from '../../kube/cache.ts'
import type { CallerState, State } from './state.ts'
import { actions, serversByUuid } from './stores.ts'

/** A Server that no longer exists. */
export interface DeletedServer extends Server {
  /** RFC 3339. */
  terminatedAt: string
}

export const terminatedAtOf = (server: Server): string | undefined => (server as Partial<DeletedServer>).terminatedAt

/** Whether `object` has what the views of a resource need. The CRD allows any object in status.deletedServer. */
const isResource = (object: unknown): boolean => {
  const { metadata, spec } = (object ?? {}) as Partial<Record<'metadata' | 'spec', { name?: unknown } | null>>
  return typeof metadata?.name === 'string' && typeof spec === 'object' && spec !== null
}

const hasServer = ({ status }: ServerAction): boolean => isResource(status?.deletedServer?.server)

export const deletionsByUuid = defineIndex(actions.kind, 'deletions by UUID', (record) => [
  hasServer(record) ? record.status?.deletedServer?.uuid : undefined,
])
const DELETION = 'deletion'
const deletions = defineIndex(actions.kind, 'deletions', (record) => [hasServer(record) ? DELETION : undefined])

/**
 * Keeps one Server object for each record. views/server-json.ts finds the text of a server by its object, so it can
 * reuse the text.
 */
const deletedServers = new WeakMap<ServerAction, DeletedServer>()

export function deletedServerOf(record: ServerAction): DeletedServer {
  const known = deletedServers.get(record)
  if (known) return known
  const { server: text } = record.status?.deletedServer ?? {}
  const { metadata, spec, status } = text as unknown as Server
  const server: DeletedServer = {
    apiVersion: record.apiVersion,
    kind: 'Server',
    metadata: { ...metadata, ...(record.metadata.namespace ? { namespace: record.metadata.namespace } : {}) },
    spec,
    status: withoutActivity(status),
    terminatedAt: record.status?.finishTime ?? record.status?.startTime ?? '',
  }
  deletedServers.set(record, server)
  return server
}

function withoutActivity({ taskState: _task, powerState: _power, ...status }: NonNullable<Server['status']> = {}) {
  return { ...status, vmState: 'deleted' as const }
}

/**
 * The deleted servers that the caller may read.
 * @param project the namespace; undefined, for administrators: all projects
 */
export async function listDeletedServers(state: CallerState, project: string | undefined): Promise<DeletedServer[]> {
  const records = (await state.read(actions)).find(deletions, DELETION)
  return records
    .filter(({ metadata }) => project === undefined || metadata.namespace === project)
    .filter((record) => isGone(record, state.shared))
    .map(deletedServerOf)
}

/** The record of the deletion of the server with this UUID; undefined if there is none or the server still exists. */
export async function findDeletion(uuid: string, state: CallerState): Promise<ServerAction | undefined> {
  const records = (await state.read(actions)).find(deletionsByUuid, uuid)
  return records.find((record) => isGone(record, state.shared))
}

/** The records that a deleted server had, and that of its deletion. */
export const recordsOfDeleted = (deletion: ServerAction): ServerAction[] => [
  ...((deletion.status?.deletedServer?.actions ?? []).filter(isResource) as unknown as ServerAction[]),
  deletion,
]

/**
 * Returns the record of a deletion with the event that Nova shows for a deletion. Returns any other record as it is.
 */
export function withDeletionEvent(record: ServerAction): ServerAction {
  const { status } = record
  if (status?.deletedServer === undefined) return record
  const { startTime = '', finishTime, host } = status
  const ended = finishTime === undefined ? {} : { finishTime, result: 'Success' as const }
  const event = { event: registry.delete.event, startTime, ...(host === undefined ? {} : { host }), ...ended }
  return { ...record, status: { ...status, events: [event] } }
}

const isGone = ({ status }: ServerAction, { unchecked }: State): boolean =>
  unchecked.servers.cache.byIndex(serversByUuid, status?.deletedServer?.uuid ?? '').length === 0
