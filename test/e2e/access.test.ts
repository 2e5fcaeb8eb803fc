// A stolen token: what the agent of h1 may do with the rights that it has, and what is refused, each time with a
// sentence.
import { beforeAll, describe, expect, it } from 'vitest'
import { API_VERSION, GROUP, type Server, type ServerAction, VERSION } from '../../crds/index.ts'
import { type ApiClient, createApiClient } from '../rig/api.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { withCloud } from './user.ts'

const user = withCloud({ hosts: 2, audit: true })
const system = 'kubenova-system'
const ours = `/apis/${GROUP}/${VERSION}`

type Attempt = (api: ApiClient) => Promise<unknown>

const merge =
  (path: string, body: object): Attempt =>
  (api) =>
    api.send('PATCH', path, body, 'application/merge-patch+json')
const post =
  (path: string, body: object): Attempt =>
  (api) =>
    api.send('POST', path, body)
const get =
  (path: string): Attempt =>
  (api) =>
    api.text(path)
const remove =
  (path: string): Attempt =>
  (api) =>
    api.send('DELETE', path)
/** Server-side apply that takes over whatever is another's. */
const take =
  (path: string, body: object, manager = 'kubenova-agent/h1'): Attempt =>
  (api) =>
    api.send('PATCH', `${path}?force=true&fieldManager=${manager}`, body, 'application/apply-patch+yaml')

const inDefault = `${ours}/namespaces/default`
const server = (name: string): string => `${inDefault}/servers/${name}`
const serverStatus = (name: string): string => `${server(name)}/status`
const hypervisor = (name: string): string => `${ours}/hypervisors/${name}`
const lease = (name: string, namespace = system): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`
const action = (name: string): string => `${inDefault}/serveractions/${name}`
const events = '/apis/events.k8s.io/v1/namespaces/default/events'

const ourObject = (kind: string, name: string, more: object = {}): object => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name },
  ...more,
})
const beat = (name: string, holder = `${name}_a`): object => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, labels: { 'compute.kubenova.io/component': 'agent' } },
  spec: { holderIdentity: holder, leaseDurationSeconds: 3600 },
})
const event = (instance: string): object => ({
  metadata: { name: 'from-a-thief' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'kubenova.io/agent',
  reportingInstance: instance,
  type: 'Normal',
  reason: 'Create',
  action: 'create',
  regarding: { kind: 'Server', namespace: 'default', name: 'theirs' },
})
/** A record, as an agent leaves one of what it did. */
const record = (of: string, host: string, more: { status?: object; spec?: object; owner?: string } = {}): object => ({
  apiVersion: API_VERSION,
  kind: 'ServerAction',
  metadata: {
    name: `${of}-99`,
    ownerReferences: [{ apiVersion: API_VERSION, kind: 'Server', name: more.owner ?? of, uid: 'u' }],
  },
  spec: { server: of, action: 'stop', ...more.spec },
  status: more.status ?? {
    phase: 'Succeeded',
    host,
    events: [{ event: 'compute_stop_instance', host, startTime: now }],
  },
})
const now = '2026-01-01T00:00:00Z'
const condition = { type: 'Scheduled', status: 'True', reason: 'X', message: 'x', lastTransitionTime: now }

/** The sentence of a refusal. */
async function refusal(attempt: Promise<unknown>): Promise<string> {
  const text = await attempt.then(
    () => 'it was allowed',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  const body = /: 403 (\{[^]*\})\s*$/.exec(text)?.[1]
  return body === undefined ? text : (JSON.parse(body) as { message: string }).message
}

let thief: ApiClient
let ended: ServerAction
let before: Server
beforeAll(async () => {
  for (const host of ['h1', 'h2']) {
    const spec = { availabilityZone: `zone-${host}`, hosts: [host] }
    await user().apply({ kind: 'HostAggregate', metadata: { name: `zone-${host}` }, spec })
  }
  await user().createServer('mine', { availabilityZone: 'zone-h1' })
  await user().createServer('theirs', { availabilityZone: 'zone-h2' })
  await user().createServer('homeless', { availabilityZone: 'nowhere' })
  await user().waitUntilReady('mine')
  await user().waitUntilReady('theirs')
  ended = await user().runAction('theirs', 'reboot', { type: 'HARD' })
  const refused = { server: 'theirs', action: 'start', start: {} }
  await user().waitForAction(await user().apply({ kind: 'ServerAction', metadata: { name: 'refused' }, spec: refused }))
  before = await user().waitUntilReady('theirs')
  thief = createApiClient(user().cloud.kubeconfigOf('agent-h1'))
})

const another = 'this Server is on h2: the agent of h1 writes only those of its own host'
const noSpec = "an agent changes no spec, which is its user's"
const homeless = 'this Server has no host yet: the agent of h1 writes only those whose status.host it is'
const onlyFinalizer = 'of the finalizers an agent changes one'
const notMove = 'an agent does not write these status fields, which belong to kubenova-scheduler: host'
const ownHost = 'the agent of h1 writes Hypervisor h1 and no other'
const ownLease = 'the agent of h1 renews Lease h1 and no other, and holds it by the name of its host'
const ownDeeds = 'the agent of h1 ends only what the controller gave to its host'
const signed = 'what the agent of h1 writes is signed with its host'
const noNode = 'this token names no node'

const usual = { flavor: 'tiny', image: { name: 'guest' }, networks: [{ name: 'default' }] }
const powered = { status: { powerState: 'Shutdown', vmState: 'stopped' } }

const rejectedHosts: [what: string, attempt: Attempt, sentence: string][] = [
  ['write another’s status', merge(serverStatus('theirs'), powered), another],
  ['take over another’s status', take(serverStatus('theirs'), ourObject('Server', 'theirs', powered)), another],
  [
    'take over another’s status as the scheduler',
    take(serverStatus('theirs'), ourObject('Server', 'theirs', { status: { host: 'h1' } }), 'kubenova-scheduler'),
    another,
  ],
  ['let go another', merge(server('theirs'), { metadata: { finalizers: [] } }), another],
  ['label another', merge(server('theirs'), { metadata: { labels: { a: 'b' } } }), another],
  [
    'give another up by force',
    merge(server('theirs'), { metadata: { annotations: { 'compute.kubenova.io/force-delete': 'true' } } }),
    another,
  ],
  ['wish something for another', merge(server('theirs'), { spec: { powerState: 'Stopped' } }), another],
  ['take a server that has no host', merge(serverStatus('homeless'), { status: { host: 'h1' } }), homeless],
  ['wish something for its own', merge(server('mine'), { spec: { powerState: 'Stopped' } }), noSpec],
  [
    'take over the spec of its own',
    take(
      server('mine'),
      ourObject('Server', 'mine', { spec: { ...usual, availabilityZone: 'zone-h1', tags: ['x'] } }),
      'kubectl',
    ),
    noSpec,
  ],
  [
    'give its own up by force',
    merge(server('mine'), { metadata: { annotations: { 'compute.kubenova.io/force-delete': 'true' } } }),
    'an agent changes no labels, annotations or owners of a Server',
  ],
  ['let go its own that nobody deleted', merge(server('mine'), { metadata: { finalizers: [] } }), onlyFinalizer],
  ['hold its own', merge(server('mine'), { metadata: { finalizers: ['example.com/mine'] } }), onlyFinalizer],
  ['move its own', merge(serverStatus('mine'), { status: { host: 'h2' } }), notMove],
  [
    'move its own by leaving the host out, as the scheduler',
    take(serverStatus('mine'), ourObject('Server', 'mine', { status: { vmState: 'active' } }), 'kubenova-scheduler'),
    notMove,
  ],
  [
    'admit a deed',
    merge(serverStatus('mine'), {
      status: { activeAction: { name: 'x', uid: 'x', action: 'start', admittedAt: now } },
    }),
    'an agent does not write these status fields, which belong to kubenova-admission: activeAction',
  ],
  [
    'write the controller’s conditions',
    merge(serverStatus('mine'), { status: { conditions: [condition] } }),
    'an agent writes no conditions of a Server but Ready, Reconciling, Stalled',
  ],
  ['delete another', remove(server('theirs')), 'cannot delete resource "servers"'],
  ['delete its own', remove(server('mine')), 'cannot delete resource "servers"'],
  ['delete all', remove(`${inDefault}/servers`), 'cannot deletecollection resource "servers"'],
  ['make a server', post(`${inDefault}/servers`, ourObject('Server', 'new')), 'cannot create resource "servers"'],

  ['speak for another host', merge(`${hypervisor('h2')}/status`, { status: { arch: 'aarch64' } }), ownHost],
  [
    'take over another host',
    take(`${hypervisor('h2')}/status`, ourObject('Hypervisor', 'h2', { status: { arch: 'aarch64' } })),
    ownHost,
  ],
  ['force another down', merge(hypervisor('h2'), { spec: { forcedDown: true } }), ownHost],
  ['register another host', take(hypervisor('h9'), ourObject('Hypervisor', 'h9', { spec: {} })), ownHost],
  [
    'promise more of its own',
    merge(hypervisor('h1'), { spec: { allocationRatios: { ram: 9 } } }),
    "an agent changes no spec, which is the operator's",
  ],
  [
    'hold its own Hypervisor',
    merge(hypervisor('h1'), { metadata: { finalizers: ['example.com/mine'] } }),
    'an agent writes no labels, annotations, owners or finalizers of a Hypervisor',
  ],
  [
    'call its own down',
    merge(`${hypervisor('h1')}/status`, { status: { state: 'down' } }),
    'which belong to kubenova-node-lifecycle: observedGeneration, state, used, servers',
  ],
  ['delete its own Hypervisor', remove(hypervisor('h1')), 'cannot delete resource "hypervisors"'],

  ['say that another host is alive', take(lease('h2'), beat('h2')), ownLease],
  ['say that a host is alive that is none', take(lease('h9'), beat('h9')), ownLease],
  ['be another in its own lease', take(lease('h1'), beat('h1', 'h2_a')), ownLease],
  ['lead', take(lease('kubenova-controller'), beat('kubenova-controller', 'h1_a')), ownLease],
  [
    'hide its lease',
    merge(lease('h1'), { metadata: { labels: { 'compute.kubenova.io/component': null } } }),
    'a Lease that an agent writes has the label compute.kubenova.io/component=agent',
  ],
  ['beat elsewhere', take(lease('h1', 'kube-system'), beat('h1')), 'cannot patch resource "leases"'],

  ['ask a deed', post(`${inDefault}/serveractions`, record('theirs', 'h1', { status: {} })), 'it requests none'],
  ['run again what has ended', merge(action('mine-1'), { status: { phase: 'Running' } }), 'starts none again'],
  ['end a deed that was refused', merge(action('refused'), { status: { phase: 'Failed', host: 'h1' } }), ownDeeds],
  ['forge another’s record', post(`${inDefault}/serveractions`, record('theirs', 'h2')), signed],
  [
    'name who asked',
    post(`${inDefault}/serveractions`, record('mine', 'h1', { spec: { user: 'alice' } })),
    "an agent's own record names no user, project or request",
  ],
  [
    'leave a record that another server owns',
    post(`${inDefault}/serveractions`, record('mine', 'h1', { owner: 'theirs' })),
    'is owned by the Server that it is about',
  ],
  ['delete a record', remove(action('refused')), 'cannot delete resource "serveractions"'],
  ['speak as another host in events', post(events, event('h2')), 'an Event of the agent of h1'],

  ['list Secrets', get('/api/v1/secrets'), 'cannot list resource "secrets"'],
  ['list the Secrets of its namespace', get(`/api/v1/namespaces/${system}/secrets`), 'cannot list resource "secrets"'],
  ['read a Secret', get('/api/v1/namespaces/default/secrets/any'), 'cannot get resource "secrets"'],
  ['change a flavor', merge(`${ours}/flavors/tiny`, { spec: { ram: 1 } }), 'cannot patch resource "flavors"'],
  [
    'get itself a token of the controller',
    post(`/api/v1/namespaces/${system}/serviceaccounts/kubenova-controller/token`, {}),
    'cannot create resource "serviceaccounts/token"',
  ],
]

describe('with the token of h1’s agent', () => {
  it.each(rejectedHosts)('a thief cannot %s', async (_, attempt, sentence) => {
    expect(await refusal(attempt(thief))).toContain(sentence)
  })

  it('a thief cannot change what another’s agent has recorded', async () => {
    const forged = merge(action(ended.metadata.name), { status: { phase: 'Failed', host: 'h1' } })
    expect(await refusal(forged(thief))).toContain(ownDeeds)
  })

  const dry = '?dryRun=All'
  it.each<[what: string, attempt: Attempt]>([
    ['write the status of its own server', merge(serverStatus('mine') + dry, powered)],
    ['describe its own host', merge(`${hypervisor('h1')}/status${dry}`, { status: { arch: 'aarch64' } })],
    ['say that it is alive', merge(lease('h1') + dry, beat('h1'))],
    ['leave a record of what it did', post(`${inDefault}/serveractions${dry}`, record('mine', 'h1'))],
    ['tell of it', post(events + dry, event('h1'))],
  ])('the agent itself can %s', async (_, attempt) => {
    expect(await refusal(attempt(thief))).toBe('it was allowed')
  })
})

it.each<[what: string, attempt: Attempt]>([
  ['Server', merge(serverStatus('mine'), powered)],
  ['Hypervisor', take(hypervisor('h9'), ourObject('Hypervisor', 'h9', { spec: {} }))],
  ['Lease', take(lease('h9'), beat('h9'))],
  ['ServerAction', post(`${inDefault}/serveractions`, record('mine', 'h1'))],
  ['Event', post(events, event('h1'))],
])('a token of the account that is bound to no node writes no %s', async (_, attempt) => {
  const api = createApiClient(await user().cloud.plane.serviceAccount(system, 'kubenova-agent'))
  expect(await refusal(attempt(api))).toContain(noNode)
  await api.close()
})

it.each<[what: string, attempt: Attempt, sentence: string]>([
  ['write a spec', merge(server('mine'), { spec: { powerState: 'Stopped' } }), 'the controller writes no spec'],
  ['beat for an agent', take(lease('h1'), beat('h1')), 'cannot patch resource "leases"'],
  ['list Secrets', get('/api/v1/secrets'), 'cannot list resource "secrets"'],
  ['watch Secrets', get('/api/v1/secrets?watch=true'), 'cannot watch resource "secrets"'],
  ['delete a Secret', remove('/api/v1/namespaces/default/secrets/any'), 'cannot delete resource "secrets"'],
  ['list the Secrets of a namespace', get('/api/v1/namespaces/default/secrets'), 'cannot list resource "secrets"'],
  ['delete a server', remove(server('mine')), 'cannot delete resource "servers"'],
])('the controller cannot %s', async (_, attempt, sentence) => {
  const api = createApiClient(user().cloud.kubeconfigOf('controller'))
  expect(await refusal(attempt(api))).toContain(sentence)
  await api.close()
})

it('the controller can read a Secret by name', async () => {
  const { plane } = user().cloud
  const api = createApiClient(user().cloud.kubeconfigOf('controller'))
  await plane.api.send('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 'web-password' } })
  expect(await refusal(api.text('/api/v1/namespaces/default/secrets/web-password'))).toBe('it was allowed')
  await api.close()
})

it('a token is worth nothing any more when its Node is gone', async () => {
  const { plane } = user().cloud
  const made = await plane.api.send<Server>('POST', '/api/v1/nodes', { metadata: { name: 'h9' } })
  const { uid = '' } = made.metadata
  const api = createApiClient(await plane.serviceAccount(system, 'kubenova-agent', { name: 'h9', uid }))
  await api.send('GET', `${ours}/servers`)
  await plane.api.send('DELETE', '/api/v1/nodes/h9')
  const worthless = async () => (await refusal(api.send('GET', `${ours}/servers`))).includes(': 401 ')
  expect(await waitUntil(worthless, { what: 'the token to be refused', every: 200 })).toBe(true)
  await api.close()
})

it('nothing came of all that, and the servers go as they came', async () => {
  const { metadata, spec, status } = await user().get('server', 'theirs')
  const kept = ({ labels, annotations, finalizers, uid }: Server['metadata']) => ({
    labels,
    annotations,
    finalizers,
    uid,
  })
  expect(kept(metadata)).toEqual(kept(before.metadata))
  expect([spec, status]).toEqual([before.spec, before.status])
  await user().waitUntilReady('mine')
  await user().kubectl('delete', 'server', 'mine', 'theirs', 'homeless', '--wait', '--timeout=60s')
})

it('nothing that controller and agents themselves asked was refused', () => {
  const asked = user()
    .cloud.plane.audit()
    .filter(({ userAgent = '' }) => userAgent.startsWith('kubenova-'))
  const accounts = new Set(asked.map(({ user: { username } }) => username))
  expect([...accounts].toSorted()).toEqual(
    ['kubenova-agent', 'kubenova-controller'].map((name) => `system:serviceaccount:${system}:${name}`),
  )
  const refused = asked.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0))
  expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([])
})
