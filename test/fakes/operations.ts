/**
 * Operations on which controller and agent rely. A test runs each on the real API server and on the fake one, and
 * compares the outcomes.
 */
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

export const makePlayground = (kube: Kube, namespace: string): Playground => ({
  servers: kube.resource<Server>(resourceDefOf(server)),
  actions: kube.resource<ServerAction>(resourceDefOf(serverAction)),
  namespace,
})

type Operation = (p: Playground) => Promise<unknown>

const spec = { flavor: 'tiny', image: { name: 'cirros' } }
const makeCondition = (type: string, status: Condition['status'], reason = 'Because'): Condition => ({
  type,
  status,
  reason,
  message: `${type} is ${status}`,
  lastTransitionTime: '2026-01-01T00:00:00Z',
})

const metadataOfServerA = ({ namespace }: Playground, more: object = {}) => ({ namespace, name: 'a', ...more })
const createServer: Operation = (p) =>
  p.servers.create({ metadata: metadataOfServerA(p), spec }, { fieldManager: 'user' })
const getServer = (p: Playground) => p.servers.get(metadataOfServerA(p))
const applyStatus =
  (manager: string, value: Partial<Server['status']>, options: { force?: boolean; meta?: object } = {}): Operation =>
  (p) =>
    p.servers.applyStatus(
      { metadata: metadataOfServerA(p, options.meta), status: value },
      { fieldManager: manager, ...(options.force === undefined ? {} : { force: options.force }) },
    )
const applyEmptyStatus =
  (manager: string): Operation =>
  (p) =>
    p.servers.applyStatus({ metadata: metadataOfServerA(p) }, { fieldManager: manager })
const patchServer =
  (value: object, manager = 'user'): Operation =>
  (p) =>
    p.servers.patch(metadataOfServerA(p), value, { fieldManager: manager })
const createServerWithFinalizer: Operation = (p) =>
  p.servers.create(
    { metadata: metadataOfServerA(p, { finalizers: ['example.com/x'] }), spec },
    { fieldManager: 'user' },
  )
const deleteServer =
  (preconditions?: { uid?: string; resourceVersion?: string }): Operation =>
  async (p) => {
    await p.servers.delete(metadataOfServerA(p), preconditions ? { preconditions } : {})
    return p.servers.get(metadataOfServerA(p))
  }
const withCurrent =
  (field: 'uid' | 'resourceVersion', then: (value: string) => Operation): Operation =>
  async (p) =>
    then((await getServer(p)).metadata[field] ?? '')(p)

const actionRecord = (p: Playground, more: object = {}) => ({
  metadata: { namespace: p.namespace, name: 'r', ...more },
})
const createActionRecord: Operation = (p) =>
  p.actions.create(
    { ...actionRecord(p), spec: { server: 'a', action: 'start', start: {} }, status: { phase: 'Pending' } },
    { fieldManager: 'user' },
  )
const applyActionRecord =
  (value: object, meta: object = {}, manager = 'agent'): Operation =>
  (p) =>
    p.actions.apply({ ...actionRecord(p, meta), ...value }, { fieldManager: manager })

export const operationsByTitle: Record<string, readonly Operation[]> = {
  'a Server is created with its defaults, and cannot be created twice': [createServer, createServer],
  'create ignores the status, and a write of the status ignores the rest': [
    (p) => p.servers.create({ metadata: metadataOfServerA(p), spec, status: { vmState: 'active' } }),
    (p) =>
      p.servers.applyStatus({ metadata: metadataOfServerA(p, { labels: { a: 'b' } }), status: { vmState: 'active' } }),
    patchServer({ status: { vmState: 'error' } }),
    getServer,
  ],
  'a change of the spec increments the generation, a change of status or labels does not': [
    createServer,
    patchServer({ spec: { powerState: 'Stopped' } }),
    patchServer({ spec: { powerState: 'Stopped' } }),
    patchServer({ metadata: { labels: { a: 'b' } } }),
    applyStatus('agent', { vmState: 'stopped' }),
    getServer,
  ],
  'a field that its manager does not apply again is removed, unless another manager owns it too': [
    createServer,
    applyStatus('one', {
      vmState: 'building',
      taskState: 'scheduling',
      actionRecords: 0,
      fault: { code: 500, message: 'm', created: '2026-01-01T00:00:00Z' },
    }),
    applyStatus('two', { vmState: 'active', actionRecords: 0 }),
    applyStatus('one', { host: 'h' }),
    applyStatus('two', { powerState: 'Running' }),
  ],
  'the same apply again does not change the resourceVersion': [
    createServer,
    applyStatus('one', { vmState: 'building' }),
    applyStatus('one', { vmState: 'building' }),
    applyStatus('two', { vmState: 'building' }),
    applyStatus('two', { vmState: 'building' }),
  ],
  'apply without force conflicts on a field of another manager, and shares the field when the values are equal': [
    createServer,
    applyStatus('one', { vmState: 'building' }),
    applyStatus('two', { vmState: 'building' }, { force: false }),
    applyStatus('two', { vmState: 'active' }, { force: false }),
    applyStatus('two', { vmState: 'active' }),
    applyStatus('one', {}),
  ],
  'conditions are merged by type': [
    createServer,
    applyStatus('one', { conditions: [makeCondition('Scheduled', 'True'), makeCondition('Ready', 'False')] }),
    applyStatus('two', { conditions: [makeCondition('Ready', 'True'), makeCondition('Stalled', 'True')] }),
    applyStatus('one', { conditions: [makeCondition('Scheduled', 'False', 'Other')] }),
    applyStatus('two', { conditions: [makeCondition('Ready', 'True')] }),
    applyStatus('two', {}),
    applyStatus('one', {}),
  ],
  'apply is rejected when giving up a condition of two managers would leave half of it': [
    createServer,
    applyStatus('one', { conditions: [makeCondition('Stalled', 'True', 'Once')] }),
    applyStatus('two', { vmState: 'error', conditions: [makeCondition('Stalled', 'True', 'Twice')] }),
    applyStatus('two', { vmState: 'error', conditions: [] }),
    applyStatus('one', {}),
    applyStatus('two', { vmState: 'error', conditions: [] }),
  ],
  'a condition that two managers applied with equal values stays until both give it up': [
    createServer,
    applyStatus('one', { conditions: [makeCondition('Ready', 'False')] }),
    applyStatus('two', { conditions: [makeCondition('Ready', 'False')] }),
    applyStatus('one', { conditions: [] }),
    applyStatus('two', { conditions: [] }),
  ],
  'a condition that passes from manager to manager stays whole': [
    createServer,
    applyStatus('scheduler', {
      host: 'h',
      vmState: 'building',
      conditions: [makeCondition('Ready', 'False', 'Building')],
    }),
    applyStatus('agent', { vmState: 'active', domain: { name: 'd' }, conditions: [makeCondition('Ready', 'True')] }),
    applyStatus('lifecycle', {
      conditions: [makeCondition('HostReachable', 'False'), makeCondition('Ready', 'Unknown', 'HostDown')],
    }),
    applyStatus('lifecycle', { conditions: [makeCondition('Ready', 'Unknown', 'HostDown')] }),
    applyStatus('agent', {
      vmState: 'error',
      domain: { name: 'd' },
      conditions: [makeCondition('Ready', 'False', 'DiskFull'), makeCondition('Stalled', 'True')],
    }),
    applyStatus('scheduler', {
      vmState: 'building',
      conditions: [makeCondition('Ready', 'False', 'HostRejected'), makeCondition('Reconciling', 'True')],
    }),
    applyEmptyStatus('agent'),
    applyEmptyStatus('lifecycle'),
    applyStatus('scheduler', {
      host: 'i',
      vmState: 'building',
      conditions: [makeCondition('Ready', 'False', 'Building')],
    }),
  ],
  'a manager that gives up all its fields removes them': [
    createServer,
    applyStatus('one', { activeAction: { name: 'r', uid: 'u', action: 'start', admittedAt: '2026-01-01T00:00:00Z' } }),
    applyStatus('two', { vmState: 'active' }),
    applyEmptyStatus('one'),
    applyEmptyStatus('two'),
    applyEmptyStatus('two'),
  ],
  'apply merges objects inside the status, and replaces lists': [
    createServer,
    applyStatus('one', {
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
    applyStatus('one', {
      host: 'h',
      rejectedHosts: [{ host: 'b', reason: 'r' }],
      activeAction: { name: 'r', uid: 'v', action: 'start', params: {}, admittedAt: '2026-01-01T00:00:00Z' },
    }),
    applyStatus('one', { host: 'h', rejectedHosts: [] }),
    applyStatus('one', { rejectedHosts: [{ host: 'c', reason: 'r' }] }),
  ],
  'a write with an old resourceVersion is a conflict': [
    createServer,
    withCurrent('resourceVersion', (resourceVersion) =>
      applyStatus('one', { host: 'h' }, { meta: { resourceVersion } }),
    ),
    applyStatus('one', { host: 'i' }, { meta: { resourceVersion: '1' } }),
    patchServer({ metadata: { resourceVersion: '1', labels: { a: 'b' } } }),
  ],
  'a write with the uid of another Server is rejected, except for the status': [
    createServer,
    withCurrent('uid', (uid) => applyStatus('one', { host: 'h' }, { meta: { uid } })),
    applyStatus('one', { host: 'i' }, { meta: { uid: '00000000-0000-4000-8000-00000000abcd' } }),
    patchServer({ metadata: { uid: '00000000-0000-4000-8000-00000000abcd', labels: { a: 'b' } } }),
  ],
  'operations on objects that do not exist': [
    getServer,
    applyStatus('one', { host: 'h' }),
    patchServer({ metadata: { labels: {} } }),
    deleteServer(),
    (p) =>
      p.actions.apply({
        ...actionRecord(p, { uid: '00000000-0000-4000-8000-00000000abcd' }),
        status: { phase: 'Failed' },
      }),
    applyActionRecord({ spec: { server: 'a', action: 'start', start: {} } }, { resourceVersion: '1' }),
  ],
  'apply with the uid of another ServerAction is rejected': [
    createActionRecord,
    applyActionRecord({ status: { phase: 'Failed' } }, { uid: '00000000-0000-4000-8000-00000000abcd' }),
    async (p) =>
      applyActionRecord(
        { status: { phase: 'Failed' } },
        { uid: (await p.actions.get({ ...actionRecord(p).metadata })).metadata.uid },
      )(p),
  ],
  'a map that apply empties becomes null, and an atomic map is replaced': [
    createServer,
    applyStatus('one', { vmState: 'active', domain: { name: 'd', reason: 'r' } }),
    applyStatus('one', { vmState: 'active', domain: {} as never }),
    applyStatus('one', { vmState: 'active' }),
    applyStatus('one', {}),
  ],
  'delete checks the preconditions uid and resourceVersion': [
    createServer,
    deleteServer({ uid: '00000000-0000-4000-8000-00000000abcd' }),
    deleteServer({ resourceVersion: '1' }),
    withCurrent('uid', (uid) => deleteServer({ uid })),
  ],
  'a deleted object stays as long as it has a finalizer': [
    createServerWithFinalizer,
    deleteServer(),
    deleteServer(),
    applyStatus('agent', { taskState: 'deleting' }),
    patchServer({ metadata: { finalizers: [] } }),
    getServer,
  ],
  'a finalizer can be added by one manager and removed by another': [
    createServer,
    patchServer({ metadata: { finalizers: ['example.com/x'] } }, 'controller'),
    deleteServer(),
    patchServer({ metadata: { finalizers: [] } }, 'agent'),
    getServer,
  ],
  'writes that the schema rejects': [
    (p) => p.servers.create({ metadata: metadataOfServerA(p), spec: { flavor: 'Not A Name', image: { name: 'x' } } }),
    createServer,
    applyStatus('one', { vmState: 'sleeping' as never }),
    applyStatus('one', { nonsense: 1 } as never),
    applyStatus('one', { conditions: [{ ...makeCondition('Ready', 'True'), reason: 'not a word' }] }),
    getServer,
  ],
  'a ServerAction is created with its status, because its status is no subresource': [
    createActionRecord,
    applyActionRecord({ status: { phase: 'Succeeded', host: 'h' } }),
    (p) => p.actions.applyStatus({ ...actionRecord(p), status: { phase: 'Failed' } }),
    applyActionRecord({ status: { phase: 'Succeeded' } }),
  ],
  'a ServerAction is created by apply': [
    applyActionRecord({ spec: { server: 'a', action: 'start', start: {} } }, {}, 'user'),
    applyActionRecord({}, {}, 'nobody'),
    applyActionRecord({ status: { phase: 'Running' } }, {}, 'controller'),
    applyActionRecord({ status: { phase: 'Succeeded' } }),
    applyActionRecord({ spec: { server: 'a', action: 'start', start: {} } }, { labels: { a: 'b' } }, 'user'),
    applyActionRecord({ spec: { server: 'a', action: 'start', start: {} } }, {}, 'user'),
  ],
  'apply adds an owner reference': [
    createActionRecord,
    applyActionRecord(
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
    applyActionRecord({ status: { phase: 'Succeeded' } }),
    applyActionRecord({}, {}, 'controller'),
  ],
}

/**
 * Returns the resulting object or the error. Values that differ between runs, such as UIDs, are replaced or left out.
 * @param seen the replaced unique values so far (see replaceUniqueValues)
 */
export async function runOperation(operation: Operation, p: Playground, seen: Map<string, string>): Promise<unknown> {
  try {
    return replaceUniqueValues(await operation(p), seen)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    // Leave out the message: the real API server and the fake one word it differently.
    const isOther = error.details?.causes?.some(({ field }) => field === 'metadata.uid') ?? false
    return { status: error.status, reason: error.reason, isOther }
  }
}

/**
 * Replaces UIDs and resourceVersions by numbers in the order of their first appearance, so that the results of two runs
 * are comparable.
 */
function replaceUniqueValues(value: unknown, seen: Map<string, string>): unknown {
  const numberOf = (kind: string, text: string): string => {
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
      uid: numberOf('uid', uid as string),
      resourceVersion: numberOf('version', resourceVersion as string),
      created: typeof creationTimestamp,
      terminating: typeof deletionTimestamp,
    },
  }
}
