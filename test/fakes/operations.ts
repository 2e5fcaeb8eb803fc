/** Operations on an API server whose outcome ours relies on: run on the real one and on the fake, they must tell the same. */
import { serverAction } from '../../actions/index.ts'
import { type Condition, resourceDefOf, type Server, type ServerAction, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Resource } from '../../kube/resource.ts'

export interface Playground {
  servers: Resource<Server>
  actions: Resource<ServerAction>
  namespace: string
}

export const playground = (kube: Kube, namespace: string): Playground => ({
  servers: kube.resource<Server>(resourceDefOf(server)),
  actions: kube.resource<ServerAction>(resourceDefOf(serverAction)),
  namespace,
})

type Operation = (p: Playground) => Promise<unknown>

const spec = { flavor: 'tiny', image: { name: 'cirros' } }
const condition = (type: string, status: Condition['status'], reason = 'Because'): Condition => ({
  type,
  status,
  reason,
  message: `${type} is ${status}`,
  lastTransitionTime: '2026-01-01T00:00:00Z',
})

/** A server `a` and what makes it. */
const at = ({ namespace }: Playground, more: object = {}) => ({ namespace, name: 'a', ...more })
const create: Operation = (p) => p.servers.create({ metadata: at(p), spec }, { fieldManager: 'user' })
const get = (p: Playground) => p.servers.get(at(p))
const status =
  (manager: string, value: Partial<Server['status']>, options: { force?: boolean; meta?: object } = {}): Operation =>
  (p) =>
    p.servers.applyStatus(
      { metadata: at(p, options.meta), status: value },
      { fieldManager: manager, ...(options.force === undefined ? {} : { force: options.force }) },
    )
/** Server-side apply without a status: the manager owns nothing of it any more. */
const letGo =
  (manager: string): Operation =>
  (p) =>
    p.servers.applyStatus({ metadata: at(p) }, { fieldManager: manager })
const patch =
  (value: object, manager = 'user'): Operation =>
  (p) =>
    p.servers.patch(at(p), value, { fieldManager: manager })
const withFinalizer: Operation = (p) =>
  p.servers.create({ metadata: at(p, { finalizers: ['example.com/x'] }), spec }, { fieldManager: 'user' })
const remove =
  (preconditions?: { uid?: string; resourceVersion?: string }): Operation =>
  async (p) => {
    await p.servers.delete(at(p), preconditions ? { preconditions } : {})
    return p.servers.get(at(p))
  }
const current =
  (field: 'uid' | 'resourceVersion', then: (value: string) => Operation): Operation =>
  async (p) =>
    then((await get(p)).metadata[field] ?? '')(p)

const record = (p: Playground, more: object = {}) => ({ metadata: { namespace: p.namespace, name: 'r', ...more } })
const createRecord: Operation = (p) =>
  p.actions.create(
    { ...record(p), spec: { server: 'a', action: 'start', start: {} }, status: { phase: 'Pending' } },
    { fieldManager: 'user' },
  )
const applyRecord =
  (value: object, meta: object = {}, manager = 'agent'): Operation =>
  (p) =>
    p.actions.apply({ ...record(p, meta), ...value }, { fieldManager: manager })

/** By name: the operations of one namespace, in order. */
export const table: Record<string, readonly Operation[]> = {
  'a server is created with its defaults, once': [create, create],
  'status does not come in by create, nor spec by status': [
    (p) => p.servers.create({ metadata: at(p), spec, status: { vmState: 'active' } }),
    (p) => p.servers.applyStatus({ metadata: at(p, { labels: { a: 'b' } }), status: { vmState: 'active' } }),
    patch({ status: { vmState: 'error' } }),
    get,
  ],
  'spec changes the generation, status and labels do not': [
    create,
    patch({ spec: { powerState: 'Stopped' } }),
    patch({ spec: { powerState: 'Stopped' } }),
    patch({ metadata: { labels: { a: 'b' } } }),
    status('agent', { vmState: 'stopped' }),
    get,
  ],
  'what is not applied again is gone, unless another has it': [
    create,
    status('one', {
      vmState: 'building',
      taskState: 'scheduling',
      actionRecords: 0,
      fault: { code: 500, message: 'm', created: '2026-01-01T00:00:00Z' },
    }),
    status('two', { vmState: 'active', actionRecords: 0 }),
    status('one', { host: 'h' }),
    status('two', { powerState: 'Running' }),
  ],
  'the same again is no write': [
    create,
    status('one', { vmState: 'building' }),
    status('one', { vmState: 'building' }),
    status('two', { vmState: 'building' }),
    status('two', { vmState: 'building' }),
  ],
  'without force another’s field is a conflict, of the same value it is shared': [
    create,
    status('one', { vmState: 'building' }),
    status('two', { vmState: 'building' }, { force: false }),
    status('two', { vmState: 'active' }, { force: false }),
    status('two', { vmState: 'active' }),
    status('one', {}),
  ],
  'conditions are merged by type': [
    create,
    status('one', { conditions: [condition('Scheduled', 'True'), condition('Ready', 'False')] }),
    status('two', { conditions: [condition('Ready', 'True'), condition('Stalled', 'True')] }),
    status('one', { conditions: [condition('Scheduled', 'False', 'Other')] }),
    status('two', { conditions: [condition('Ready', 'True')] }),
    status('two', {}),
    status('one', {}),
  ],
  'of a condition that both wrote, one letting go leaves half, and that is refused': [
    create,
    status('one', { conditions: [condition('Stalled', 'True', 'Once')] }),
    status('two', { vmState: 'error', conditions: [condition('Stalled', 'True', 'Twice')] }),
    status('two', { vmState: 'error', conditions: [] }),
    status('one', {}),
    status('two', { vmState: 'error', conditions: [] }),
  ],
  'a condition that both wrote alike stays until both let go': [
    create,
    status('one', { conditions: [condition('Ready', 'False')] }),
    status('two', { conditions: [condition('Ready', 'False')] }),
    status('one', { conditions: [] }),
    status('two', { conditions: [] }),
  ],
  'a condition that goes from owner to owner stays whole': [
    create,
    status('scheduler', { host: 'h', vmState: 'building', conditions: [condition('Ready', 'False', 'Building')] }),
    status('agent', { vmState: 'active', domain: { name: 'd' }, conditions: [condition('Ready', 'True')] }),
    status('lifecycle', {
      conditions: [condition('HostReachable', 'False'), condition('Ready', 'Unknown', 'HostDown')],
    }),
    status('lifecycle', { conditions: [condition('Ready', 'Unknown', 'HostDown')] }),
    status('agent', {
      vmState: 'error',
      domain: { name: 'd' },
      conditions: [condition('Ready', 'False', 'DiskFull'), condition('Stalled', 'True')],
    }),
    status('scheduler', {
      vmState: 'building',
      conditions: [condition('Ready', 'False', 'HostRejected'), condition('Reconciling', 'True')],
    }),
    letGo('agent'),
    letGo('lifecycle'),
    status('scheduler', { host: 'i', vmState: 'building', conditions: [condition('Ready', 'False', 'Building')] }),
  ],
  'a manager that lets go of all takes its fields away': [
    create,
    status('one', { activeAction: { name: 'r', uid: 'u', action: 'start', admittedAt: '2026-01-01T00:00:00Z' } }),
    status('two', { vmState: 'active' }),
    letGo('one'),
    letGo('two'),
    letGo('two'),
  ],
  'objects inside the status are merged, lists replaced': [
    create,
    status('one', {
      host: 'h',
      rejectedHosts: [
        { host: 'a', reason: 'r' },
        { host: 'b', reason: 'r' },
      ],
      activeAction: {
        name: 'r',
        uid: 'u',
        action: 'reboot',
        params: { type: 'HARD' },
        admittedAt: '2026-01-01T00:00:00Z',
      },
    }),
    status('one', {
      host: 'h',
      rejectedHosts: [{ host: 'b', reason: 'r' }],
      activeAction: { name: 'r', uid: 'v', action: 'start', params: {}, admittedAt: '2026-01-01T00:00:00Z' },
    }),
    status('one', { host: 'h', rejectedHosts: [] }),
    status('one', { rejectedHosts: [{ host: 'c', reason: 'r' }] }),
  ],
  'a resourceVersion is a compare-and-swap': [
    create,
    current('resourceVersion', (resourceVersion) => status('one', { host: 'h' }, { meta: { resourceVersion } })),
    status('one', { host: 'i' }, { meta: { resourceVersion: '1' } }),
    patch({ metadata: { resourceVersion: '1', labels: { a: 'b' } } }),
  ],
  'a uid says which one is meant': [
    create,
    current('uid', (uid) => status('one', { host: 'h' }, { meta: { uid } })),
    status('one', { host: 'i' }, { meta: { uid: '00000000-0000-4000-8000-00000000abcd' } }),
    patch({ metadata: { uid: '00000000-0000-4000-8000-00000000abcd', labels: { a: 'b' } } }),
  ],
  'what is not there': [
    get,
    status('one', { host: 'h' }),
    patch({ metadata: { labels: {} } }),
    remove(),
    (p) =>
      p.actions.apply({ ...record(p, { uid: '00000000-0000-4000-8000-00000000abcd' }), status: { phase: 'Failed' } }),
    applyRecord({ spec: { server: 'a', action: 'start', start: {} } }, { resourceVersion: '1' }),
  ],
  'a uid says which record is meant': [
    createRecord,
    applyRecord({ status: { phase: 'Failed' } }, { uid: '00000000-0000-4000-8000-00000000abcd' }),
    async (p) =>
      applyRecord(
        { status: { phase: 'Failed' } },
        { uid: (await p.actions.get({ ...record(p).metadata })).metadata.uid },
      )(p),
  ],
  'a map that gets empty is null to the schema, one that is atomic is replaced': [
    create,
    status('one', { vmState: 'active', domain: { name: 'd', reason: 'r' } }),
    status('one', { vmState: 'active', domain: {} as never }),
    status('one', { vmState: 'active' }),
    status('one', {}),
  ],
  'delete takes preconditions': [
    create,
    remove({ uid: '00000000-0000-4000-8000-00000000abcd' }),
    remove({ resourceVersion: '1' }),
    current('uid', (uid) => remove({ uid })),
  ],
  'a finalizer holds an object that is deleted': [
    withFinalizer,
    remove(),
    remove(),
    status('agent', { taskState: 'deleting' }),
    patch({ metadata: { finalizers: [] } }),
    get,
  ],
  'a finalizer is put on by one and taken off by another': [
    create,
    patch({ metadata: { finalizers: ['example.com/x'] } }, 'controller'),
    remove(),
    patch({ metadata: { finalizers: [] } }, 'agent'),
    get,
  ],
  'what the schema refuses': [
    (p) => p.servers.create({ metadata: at(p), spec: { flavor: 'Not A Name', image: { name: 'x' } } }),
    create,
    status('one', { vmState: 'sleeping' as never }),
    status('one', { nonsense: 1 } as never),
    status('one', { conditions: [{ ...condition('Ready', 'True'), reason: 'not a word' }] }),
    get,
  ],
  'a record is created whole; its status is part of it': [
    createRecord,
    applyRecord({ status: { phase: 'Succeeded', host: 'h' } }),
    (p) => p.actions.applyStatus({ ...record(p), status: { phase: 'Failed' } }),
    applyRecord({ status: { phase: 'Succeeded' } }),
  ],
  'a record is made by apply': [
    applyRecord({ spec: { server: 'a', action: 'start', start: {} } }, {}, 'user'),
    applyRecord({}, {}, 'nobody'),
    applyRecord({ status: { phase: 'Running' } }, {}, 'controller'),
    applyRecord({ status: { phase: 'Succeeded' } }),
    applyRecord({ spec: { server: 'a', action: 'start', start: {} } }, { labels: { a: 'b' } }, 'user'),
    applyRecord({ spec: { server: 'a', action: 'start', start: {} } }, {}, 'user'),
  ],
  'an owner is added by apply': [
    createRecord,
    applyRecord(
      { status: { phase: 'Running' } },
      {
        ownerReferences: [
          {
            apiVersion: 'compute.kubenova.io/v1alpha1',
            kind: 'Server',
            name: 'a',
            uid: 'u1',
            controller: true,
            blockOwnerDeletion: false,
          },
        ],
      },
      'controller',
    ),
    applyRecord({ status: { phase: 'Succeeded' } }),
    applyRecord({}, {}, 'controller'),
  ],
}

/** What an operation told: the object without what differs from run to run, or the refusal. */
export async function told(operation: Operation, p: Playground, seen: Map<string, string>): Promise<unknown> {
  try {
    return normal(await operation(p), seen)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    // Words differ.
    const isOther = error.details?.causes?.some(({ field }) => field === 'metadata.uid') ?? false
    return { status: error.status, reason: error.reason, isOther }
  }
}

/** Unique values by the order in which they came: two runs with the same order are equal. */
function normal(value: unknown, seen: Map<string, string>): unknown {
  const name = (kind: string, text: string): string => {
    const id = `${kind} ${text}`
    if (!seen.has(id)) seen.set(id, `${kind} ${seen.size}`)
    return seen.get(id) ?? ''
  }
  const { metadata, ...rest } = value as { metadata: Record<string, unknown> }
  const {
    uid,
    resourceVersion,
    creationTimestamp,
    deletionTimestamp,
    namespace: _,
    managedFields: __,
    ...meta
  } = metadata
  return {
    ...rest,
    metadata: {
      ...meta,
      uid: name('uid', uid as string),
      resourceVersion: name('version', resourceVersion as string),
      created: typeof creationTimestamp,
      dying: typeof deletionTimestamp,
    },
  }
}
