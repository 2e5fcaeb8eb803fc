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
import { isAlreadyExists, isConflict, isNamespaceTerminating, isNotFound, isTransient } from '../../kube/errors.ts'
import type { Log } from '../../kube/log.ts'
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

/** The attempt at which a transient error no longer delays the deletion, about 1.5 seconds after the first attempt. */
const LAST_ATTEMPT = 5

/**
 * Records the deletion, but never keeps the Server from being deleted: an error, such as that of a ResourceQuota, is
 * only logged. A transient error is thrown until LAST_ATTEMPT, so that the reconcile is retried.
 */
export async function tryRecordDeletion(
  server: Server,
  { stores, log }: { stores: RecordStores; log: Log },
  now: string,
  attempt: number,
): Promise<void> {
  try {
    await recordDeletion(server, stores, now)
  } catch (err) {
    if (isTransient(err) && attempt < LAST_ATTEMPT) throw err
    log.warn({ err, server: keyOf(server.metadata) }, 'the deletion is not recorded: lists of deleted servers lack it')
  }
}

/**
 * Writes the record of the deletion of a Server that is being deleted. Does nothing if there is one.
 * @param server the cached Server, because the agent may already have let the API server delete the live one
 */
export async function recordDeletion(server: Server, stores: RecordStores, now: string): Promise<void> {
  const { metadata, status } = server
  const { namespace } = metadata
  const name = recordNameOf(server)
  if (stores.actions.cache.get(keyOf({ namespace, name }))) return
  const actions = await actionsOf(server, stores)
  try {
    await stores.actions.api.create(
      {
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        spec: { server: metadata.name, action: 'delete' },
        status: {
          phase: 'Running',
          startTime: metadata.deletionTimestamp ?? now,
          ...(status?.host === undefined ? {} : { host: status.host }),
          conditions: withTransitionTimes(
            [{ type: 'Ready', status: 'False', reason: 'Deleting', message: 'the server is being deleted' }],
            undefined,
            now,
          ),
          deletedServer: deletedServerFrom(server, actions),
        },
      },
      manager,
    )
  } catch (error) {
    if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error
  }
}

/**
 * The cache lacks most fields of finished actions (slim.ts), so they are read from the API server. Only those that the
 * garbage collector has already deleted are taken from the cache.
 */
async function actionsOf({ metadata }: Server, { actions }: RecordStores): Promise<ServerAction[]> {
  const { namespace, name, uid } = metadata
  const { items } = await actions.api.list({ namespace, fieldSelector: `spec.server=${name}` })
  const listed = new Set(items.map((action) => action.metadata.uid))
  const cached = actions.cache
    .byIndex(actionsByServer, keyOf(metadata))
    .filter((action) => !listed.has(action.metadata.uid))
  const isOwnedByAnother = (action: ServerAction): boolean =>
    action.metadata.ownerReferences?.some((owner) => owner.kind === 'Server' && owner.uid !== uid) ?? false
  return [...items, ...cached].filter((action) => !isOwnedByAnother(action))
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
    .filter(({ spec, status }) => spec.action !== 'delete' && status?.phase !== 'Rejected')
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
