/**
 * Keeps a deleted Server for a while, as Nova keeps the rows of deleted instances: in the record of its deletion, a
 * ServerAction that does not belong to the Server (docs/adr/0062).
 */
import {
  fieldManagerOf,
  type NewCondition,
  type Server,
  type ServerAction,
  withTransitionTimes,
} from '../../crds/index.ts'
import { ignoreNotFound, isAlreadyExists, isConflict, isNamespaceTerminating, isNotFound } from '../../kube/errors.ts'
import { keyOf } from '../../kube/types.ts'
import { phaseOf } from '../action/phase.ts'
import { actionsByServer } from '../indexes.ts'
import { slimServer } from '../slim.ts'
import type { Stores } from '../stores.ts'
import { isDeletionRecord } from './retention.ts'

type RecordStores = Pick<Stores, 'servers' | 'actions'>
type DeletedServer = NonNullable<NonNullable<ServerAction['status']>['deletedServer']>

const manager = { fieldManager: fieldManagerOf('admission') }
const MAX_ACTIONS = 30
const MAX_TEXT = 500

const recordNameOf = ({ metadata: { name, uid = '' } }: Server): string => `${name}-deleted-${uid.slice(0, 8)}`

/** Writes the record of the deletion of a Server that is being deleted. Does nothing if there is one. */
export async function recordDeletion(server: Server, stores: RecordStores, now: string): Promise<void> {
  const { namespace, uid } = server.metadata
  const name = recordNameOf(server)
  if (stores.actions.cache.get(keyOf({ namespace, name }))) return
  // Read the Server from the API server. The cached Server lacks the fields that the controller does not need otherwise
  // (slim.ts).
  const live = await ignoreNotFound(stores.servers.api.get(server.metadata))
  if (live?.metadata.uid !== uid || live === undefined) return
  const { items } = await stores.actions.api.list({ namespace, fieldSelector: `spec.server=${server.metadata.name}` })
  const startTime = live.metadata.deletionTimestamp ?? now
  try {
    await stores.actions.api.create(
      {
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        spec: { server: server.metadata.name, action: 'delete' },
        status: {
          phase: 'Running',
          startTime,
          ...(live.status?.host === undefined ? {} : { host: live.status.host }),
          conditions: withTransitionTimes(
            [{ type: 'Ready', status: 'False', reason: 'Deleting', message: 'the server is being deleted' }],
            undefined,
            now,
          ),
          deletedServer: deletedServerFrom(live, items),
        },
      },
      manager,
    )
  } catch (error) {
    if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error
  }
}

/** Sets the deletion records of former Servers with this key to Succeeded, because those Servers are gone. */
export async function finishDeletionRecords(
  key: string,
  { servers, actions }: RecordStores,
  now: string,
): Promise<void> {
  const present = servers.cache.get(key)
  const records = actions.cache
    .byIndex(actionsByServer, key)
    .filter((record) => isDeletionRecord(record) && phaseOf(record) === 'Running' && !isRecordOf(record, present))
  for (const { metadata, status } of records) {
    const ended: NewCondition[] = (['Complete', 'Ready'] as const).map((type) => ({
      type,
      status: 'True',
      reason: 'Succeeded',
      message: 'the server is deleted',
    }))
    const conditions = withTransitionTimes(ended, status?.conditions, now)
    const patch = { metadata: { uid: metadata.uid }, status: { phase: 'Succeeded', finishTime: now, conditions } }
    try {
      await actions.api.patch(metadata, patch, manager)
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }
}

const isRecordOf = ({ status }: ServerAction, server: Server | undefined): boolean =>
  server !== undefined && status?.deletedServer?.uid === server.metadata.uid

/** The Server without its user data, and its last actions. */
export function deletedServerFrom(server: Server, actions: readonly ServerAction[]): DeletedServer {
  const { metadata, spec, status = {} } = slimServer(server)
  const { name, uid = '', creationTimestamp, annotations } = metadata
  const { conditions: _conditions, activeAction: _active, ...keptStatus } = status
  const newestFirst = actions
    .filter((action) => !isDeletionRecord(action) && action.status?.phase !== 'Rejected')
    .toSorted((a, b) => startOf(b).localeCompare(startOf(a)))
  return {
    uid,
    uuid: spec.uuid ?? uid,
    server: {
      metadata: { name, uid, creationTimestamp, ...(annotations ? { annotations } : {}) },
      spec,
      status: keptStatus,
    },
    actions: newestFirst.slice(0, MAX_ACTIONS).map(keptActionOf),
  }
}

const startOf = ({ metadata, status }: ServerAction): string => status?.startTime ?? metadata.creationTimestamp ?? ''

/**
 * Returns what the deletion record keeps of an action. The parameters are left out, because they may name Secrets. Long
 * texts are cut.
 */
function keptActionOf({ metadata, spec, status = {} }: ServerAction): Record<string, unknown> {
  const { server, action, requestId, user, project } = spec
  const { phase, startTime, finishTime, message, events } = status
  const { name, uid, creationTimestamp } = metadata
  return withoutUndefined({
    metadata: withoutUndefined({ name, uid, creationTimestamp }),
    spec: withoutUndefined({ server, action, requestId, user, project }),
    status: withoutUndefined({
      phase,
      startTime,
      finishTime,
      message: message?.slice(0, MAX_TEXT),
      events: events?.map((event) => withoutUndefined({ ...event, traceback: event.traceback?.slice(0, MAX_TEXT) })),
    }),
  })
}

const withoutUndefined = (object: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
