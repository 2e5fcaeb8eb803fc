// Tests which requests of a thief with the token of h1's agent succeed. The API server must reject all others, with a
// message that says why.
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openSealedUserData, sealUserData } from '../../actions/sealed-secret.ts'
import type { HostSecret, Hypervisor, Server, ServerAction } from '../../crds/index.ts'
import { type ApiClient, createApiClient } from '../rig/api.ts'
import { waitUntil } from '../rig/wait-until.ts'
import {
  type Attempt,
  actionPath,
  condition,
  deleteObject,
  eventsPath,
  forceApply,
  getText,
  groupPath,
  hostSecretPath,
  hypervisorPath,
  leasePath,
  makeActionRecord,
  makeEvent,
  makeLease,
  makeObject,
  mergePatch,
  namespacePath,
  now,
  postObject,
  serverPath,
  serverStatusPath,
  systemNamespace,
} from './attempts.ts'
import { withCloud } from './user.ts'

const user = withCloud({ hosts: 2, audit: true })

/** The message with which the API server rejects the attempt; `it was allowed` if the attempt succeeds. */
async function rejectionOf(attempt: Promise<unknown>): Promise<string> {
  const text = await attempt.then(
    () => 'it was allowed',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  const body = /: 403 (\{[^]*\})\s*$/.exec(text)?.[1]
  return body === undefined ? text : (JSON.parse(body) as { message: string }).message
}

/**
 * The user data in the HostSecret `secret`, which is encrypted for h2. There is no Server `secret`, so the controller
 * does not delete the HostSecret.
 */
const USER_DATA = 'password: correct horse'

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
  const rejectedSpec = { server: 'theirs', action: 'start', start: {} }
  await user().waitForAction(
    await user().apply({ kind: 'ServerAction', metadata: { name: 'refused' }, spec: rejectedSpec }),
  )
  before = await user().waitUntilReady('theirs')
  const { sealingKey = '' } = (await user().get<Hypervisor>('hypervisor', 'h2')).status ?? {}
  const sealed = await sealUserData(Buffer.from(USER_DATA), sealingKey, { server: 'uid-secret' })
  await user().apply({ kind: 'HostSecret', metadata: { name: 'secret' }, spec: { host: 'h2', sealingKey, sealed } })
  thief = createApiClient(user().cloud.kubeconfigOf('agent-h1'))
})

const another = 'this Server is on h2: the agent of h1 writes only those of its own host'
const noSpec = "an agent changes no spec, which is its user's"
const homeless = 'this Server has no host yet: the agent of h1 writes only those whose status.host it is'
const onlyFinalizer = 'of the finalizers an agent changes one'
const notMove = 'an agent does not write these status fields, which belong to kubenova-scheduler: host'
const ownHost = 'the agent of h1 writes Hypervisor h1 and no other'
const ownLease = 'the agent of h1 renews Lease h1 and no other, and holds it by the name of its host'
const ownActions = 'the agent of h1 finishes only actions that the controller has assigned to its host'
const signed = 'a ServerAction that the agent of h1 writes names its host'
const noNode = 'this token names no node'

const usual = { flavor: 'tiny', image: { name: 'guest' }, networks: [{ name: 'default' }] }
const powered = { status: { powerState: 'Shutdown', vmState: 'stopped' } }

const rejectedAttempts: [what: string, attempt: Attempt, sentence: string][] = [
  ['write the status of another’s Server', mergePatch(serverStatusPath('theirs'), powered), another],
  [
    'take over the status of another’s Server',
    forceApply(serverStatusPath('theirs'), makeObject('Server', 'theirs', powered)),
    another,
  ],
  [
    'take over the status of another’s Server as the scheduler',
    forceApply(
      serverStatusPath('theirs'),
      makeObject('Server', 'theirs', { status: { host: 'h1' } }),
      'kubenova-scheduler',
    ),
    another,
  ],
  [
    'remove the finalizer of another’s Server',
    mergePatch(serverPath('theirs'), { metadata: { finalizers: [] } }),
    another,
  ],
  ['label another’s Server', mergePatch(serverPath('theirs'), { metadata: { labels: { a: 'b' } } }), another],
  [
    'force the deletion of another’s Server',
    mergePatch(serverPath('theirs'), { metadata: { annotations: { 'compute.kubenova.io/force-delete': 'true' } } }),
    another,
  ],
  [
    'change the spec of another’s Server',
    mergePatch(serverPath('theirs'), { spec: { powerState: 'Stopped' } }),
    another,
  ],
  ['take a Server that has no host', mergePatch(serverStatusPath('homeless'), { status: { host: 'h1' } }), homeless],
  ['change the spec of its own Server', mergePatch(serverPath('mine'), { spec: { powerState: 'Stopped' } }), noSpec],
  [
    'take over the spec of its own Server',
    forceApply(
      serverPath('mine'),
      makeObject('Server', 'mine', { spec: { ...usual, availabilityZone: 'zone-h1', tags: ['x'] } }),
      'kubectl',
    ),
    noSpec,
  ],
  [
    'force the deletion of its own Server',
    mergePatch(serverPath('mine'), { metadata: { annotations: { 'compute.kubenova.io/force-delete': 'true' } } }),
    'an agent changes no labels, annotations or owners of a Server',
  ],
  [
    'remove the finalizer of its own Server that is not deleted',
    mergePatch(serverPath('mine'), { metadata: { finalizers: [] } }),
    onlyFinalizer,
  ],
  [
    'add a finalizer to its own Server',
    mergePatch(serverPath('mine'), { metadata: { finalizers: ['example.com/mine'] } }),
    onlyFinalizer,
  ],
  ['move its own Server to another host', mergePatch(serverStatusPath('mine'), { status: { host: 'h2' } }), notMove],
  [
    'move its own Server by leaving the host out, as the scheduler',
    forceApply(
      serverStatusPath('mine'),
      makeObject('Server', 'mine', { status: { vmState: 'active' } }),
      'kubenova-scheduler',
    ),
    notMove,
  ],
  [
    'admit an action',
    mergePatch(serverStatusPath('mine'), {
      status: { activeAction: { name: 'x', uid: 'x', action: 'start', admittedAt: now } },
    }),
    'an agent does not write these status fields, which belong to kubenova-admission: activeAction',
  ],
  [
    'write the conditions of the controller',
    mergePatch(serverStatusPath('mine'), { status: { conditions: [condition] } }),
    'an agent writes no conditions of a Server but Ready, Reconciling, Stalled',
  ],
  ['delete another’s Server', deleteObject(serverPath('theirs')), 'cannot delete resource "servers"'],
  ['delete its own Server', deleteObject(serverPath('mine')), 'cannot delete resource "servers"'],
  ['delete all Servers', deleteObject(`${namespacePath}/servers`), 'cannot deletecollection resource "servers"'],
  [
    'create a Server',
    postObject(`${namespacePath}/servers`, makeObject('Server', 'new')),
    'cannot create resource "servers"',
  ],

  [
    'write the status of another host',
    mergePatch(`${hypervisorPath('h2')}/status`, { status: { arch: 'aarch64' } }),
    ownHost,
  ],
  [
    'take over the status of another host',
    forceApply(`${hypervisorPath('h2')}/status`, makeObject('Hypervisor', 'h2', { status: { arch: 'aarch64' } })),
    ownHost,
  ],
  ['force another host down', mergePatch(hypervisorPath('h2'), { spec: { forcedDown: true } }), ownHost],
  ['register another host', forceApply(hypervisorPath('h9'), makeObject('Hypervisor', 'h9', { spec: {} })), ownHost],
  [
    'raise the allocation ratio of its own host',
    mergePatch(hypervisorPath('h1'), { spec: { allocationRatios: { ram: 9 } } }),
    "an agent changes no spec, which is the operator's",
  ],
  [
    'add a finalizer to its own Hypervisor',
    mergePatch(hypervisorPath('h1'), { metadata: { finalizers: ['example.com/mine'] } }),
    'an agent writes no labels, annotations, owners or finalizers of a Hypervisor',
  ],
  [
    'report its own host as down',
    mergePatch(`${hypervisorPath('h1')}/status`, { status: { state: 'down' } }),
    'which belong to kubenova-node-lifecycle: observedGeneration, state, used, servers',
  ],
  ['delete its own Hypervisor', deleteObject(hypervisorPath('h1')), 'cannot delete resource "hypervisors"'],

  ['renew the Lease of another host', forceApply(leasePath('h2'), makeLease('h2')), ownLease],
  ['create a Lease for a host that does not exist', forceApply(leasePath('h9'), makeLease('h9')), ownLease],
  ['hold its own Lease as another host', forceApply(leasePath('h1'), makeLease('h1', 'h2_a')), ownLease],
  [
    'hold the Lease of the controller',
    forceApply(leasePath('kubenova-controller'), makeLease('kubenova-controller', 'h1_a')),
    ownLease,
  ],
  [
    'remove the label of its own Lease',
    mergePatch(leasePath('h1'), { metadata: { labels: { 'compute.kubenova.io/component': null } } }),
    'a Lease that an agent writes has the label compute.kubenova.io/component=agent',
  ],
  [
    'create a Lease in another namespace',
    forceApply(leasePath('h1', 'kube-system'), makeLease('h1')),
    'cannot patch resource "leases"',
  ],

  [
    'request an action',
    postObject(`${namespacePath}/serveractions`, makeActionRecord('theirs', 'h1', { spec: { action: 'start' }, status: {} })),
    'it requests none',
  ],
  [
    'start an ended action again',
    mergePatch(actionPath('mine-1'), { status: { phase: 'Running' } }),
    'starts none again',
  ],
  [
    'change the result of an ended action',
    mergePatch(actionPath('mine-1'), { status: { phase: 'Failed' } }),
    'an agent does not change the result of a ServerAction that has ended',
  ],
  ['end a rejected action', mergePatch(actionPath('refused'), { status: { phase: 'Failed', host: 'h1' } }), ownActions],
  [
    'create an action record as another host',
    postObject(`${namespacePath}/serveractions`, makeActionRecord('theirs', 'h2')),
    signed,
  ],
  [
    'name a user in an action record',
    postObject(`${namespacePath}/serveractions`, makeActionRecord('mine', 'h1', { spec: { user: 'alice' } })),
    'an action record of an agent names no user, project or request',
  ],
  [
    'create an action record that another Server owns',
    postObject(`${namespacePath}/serveractions`, makeActionRecord('mine', 'h1', { owner: 'theirs' })),
    'a ServerAction that an agent writes is owned by its Server',
  ],
  ['delete an action record', deleteObject(actionPath('refused')), 'cannot delete resource "serveractions"'],
  ['create an Event as another host', postObject(eventsPath, makeEvent('h2')), 'an Event of the agent of h1'],

  ['list Secrets', getText('/api/v1/secrets'), 'cannot list resource "secrets"'],
  [
    'list the Secrets of its namespace',
    getText(`/api/v1/namespaces/${systemNamespace}/secrets`),
    'cannot list resource "secrets"',
  ],
  ['read a Secret', getText('/api/v1/namespaces/default/secrets/any'), 'cannot get resource "secrets"'],
  ['list HostSecrets', getText(`${namespacePath}/hostsecrets`), 'cannot list resource "hostsecrets"'],
  ['list all HostSecrets', getText(`${groupPath}/hostsecrets`), 'cannot list resource "hostsecrets"'],
  ['watch HostSecrets', getText(`${groupPath}/hostsecrets?watch=true`), 'cannot watch resource "hostsecrets"'],
  [
    'create a HostSecret',
    postObject(`${namespacePath}/hostsecrets`, makeObject('HostSecret', 'theirs', { spec: {} })),
    'cannot create resource "hostsecrets"',
  ],
  [
    'change a HostSecret',
    mergePatch(hostSecretPath('secret'), { spec: { host: 'h1' } }),
    'cannot patch resource "hostsecrets"',
  ],
  ['delete a HostSecret', deleteObject(hostSecretPath('secret')), 'cannot delete resource "hostsecrets"'],
  [
    'have the user data of another host encrypted for its own key',
    mergePatch(`${hypervisorPath('h2')}/status`, { status: { sealingKey: 'A'.repeat(43) } }),
    ownHost,
  ],
  ['change a flavor', mergePatch(`${groupPath}/flavors/tiny`, { spec: { ram: 1 } }), 'cannot patch resource "flavors"'],
  [
    'create a token of the controller',
    postObject(`/api/v1/namespaces/${systemNamespace}/serviceaccounts/kubenova-controller/token`, {}),
    'cannot create resource "serviceaccounts/token"',
  ],
]

describe('with the token of the agent of h1', () => {
  it.each(rejectedAttempts)('a thief cannot %s', async (_, attempt, sentence) => {
    expect(await rejectionOf(attempt(thief))).toContain(sentence)
  })

  it('a thief cannot change the action record of another agent', async () => {
    const forged = mergePatch(actionPath(ended.metadata.name), { status: { phase: 'Failed', host: 'h1' } })
    expect(await rejectionOf(forged(thief))).toContain(ownActions)
  })

  it('a thief cannot read user data on its way to another host, even with the private key of h1', async () => {
    const text = await thief.text(hostSecretPath('secret'))
    for (const plain of [USER_DATA, Buffer.from(USER_DATA).toString('base64')]) expect(text).not.toContain(plain)
    const { sealed } = (JSON.parse(text) as HostSecret).spec
    const openWithKeyOf = (host: string) => {
      const file = join(user().cloud.host(host).home, 'var/lib/kubenova/sealing-key.pem')
      return openSealedUserData(sealed, createPrivateKey(readFileSync(file)), { server: 'uid-secret' })
    }
    expect(await openWithKeyOf('h1')).toBeUndefined()
    expect(Buffer.from((await openWithKeyOf('h2')) ?? '').toString()).toBe(USER_DATA)
  })

  const dry = '?dryRun=All'
  it.each<[what: string, attempt: Attempt]>([
    ['write the status of its own Server', mergePatch(serverStatusPath('mine') + dry, powered)],
    [
      'write the status of its own host',
      mergePatch(`${hypervisorPath('h1')}/status${dry}`, { status: { arch: 'aarch64' } }),
    ],
    ['renew its own Lease', mergePatch(leasePath('h1') + dry, makeLease('h1'))],
    ['create an action record', postObject(`${namespacePath}/serveractions${dry}`, makeActionRecord('mine', 'h1'))],
    ['create an Event', postObject(eventsPath + dry, makeEvent('h1'))],
  ])('the agent itself can %s', async (_, attempt) => {
    expect(await rejectionOf(attempt(thief))).toBe('it was allowed')
  })
})

it.each<[what: string, attempt: Attempt]>([
  ['Server', mergePatch(serverStatusPath('mine'), powered)],
  ['Hypervisor', forceApply(hypervisorPath('h9'), makeObject('Hypervisor', 'h9', { spec: {} }))],
  ['Lease', forceApply(leasePath('h9'), makeLease('h9'))],
  ['ServerAction', postObject(`${namespacePath}/serveractions`, makeActionRecord('mine', 'h1'))],
  ['Event', postObject(eventsPath, makeEvent('h1'))],
])('a token of the agents’ account without a Node cannot write a %s', async (_, attempt) => {
  const api = createApiClient(await user().cloud.plane.serviceAccount(systemNamespace, 'kubenova-agent'))
  expect(await rejectionOf(attempt(api))).toContain(noNode)
  await api.close()
})

it.each<[what: string, attempt: Attempt, sentence: string]>([
  [
    'write a spec',
    mergePatch(serverPath('mine'), { spec: { powerState: 'Stopped' } }),
    'the controller writes no spec',
  ],
  ['renew the Lease of an agent', forceApply(leasePath('h1'), makeLease('h1')), 'cannot patch resource "leases"'],
  ['list Secrets', getText('/api/v1/secrets'), 'cannot list resource "secrets"'],
  ['watch Secrets', getText('/api/v1/secrets?watch=true'), 'cannot watch resource "secrets"'],
  ['delete a Secret', deleteObject('/api/v1/namespaces/default/secrets/any'), 'cannot delete resource "secrets"'],
  ['create a Secret', postObject('/api/v1/namespaces/default/secrets', {}), 'cannot create resource "secrets"'],
  [
    'change a HostSecret',
    mergePatch(hostSecretPath('secret'), { spec: { host: 'h1' } }),
    'cannot patch resource "hostsecrets"',
  ],
  ['list the Secrets of a namespace', getText('/api/v1/namespaces/default/secrets'), 'cannot list resource "secrets"'],
  ['delete a Server', deleteObject(serverPath('mine')), 'cannot delete resource "servers"'],
])('the controller cannot %s', async (_, attempt, sentence) => {
  const api = createApiClient(user().cloud.kubeconfigOf('controller'))
  expect(await rejectionOf(attempt(api))).toContain(sentence)
  await api.close()
})

it('the controller can read a Secret by name', async () => {
  const { plane } = user().cloud
  const api = createApiClient(user().cloud.kubeconfigOf('controller'))
  await plane.api.send('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 'web-password' } })
  expect(await rejectionOf(api.text('/api/v1/namespaces/default/secrets/web-password'))).toBe('it was allowed')
  await api.close()
})

it('the API server rejects a token whose Node was deleted', async () => {
  const { plane } = user().cloud
  const node = await plane.api.send<Server>('POST', '/api/v1/nodes', { metadata: { name: 'h9' } })
  const { uid = '' } = node.metadata
  const api = createApiClient(await plane.serviceAccount(systemNamespace, 'kubenova-agent', { name: 'h9', uid }))
  await api.send('GET', `${groupPath}/servers`)
  await plane.api.send('DELETE', '/api/v1/nodes/h9')
  const isRejected = async () => (await rejectionOf(api.send('GET', `${groupPath}/servers`))).includes(': 401 ')
  expect(await waitUntil(isRejected, { what: 'the token to be rejected', every: 200 })).toBe(true)
  await api.close()
})

it('the attempts have changed no Server, and the Servers can be deleted', async () => {
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

it('no request of the controller and the agents was rejected', () => {
  const requests = user()
    .cloud.plane.audit()
    .filter(({ userAgent = '' }) => userAgent.startsWith('kubenova-'))
  const accounts = new Set(requests.map(({ user: { username } }) => username))
  expect([...accounts].toSorted()).toEqual(
    ['kubenova-agent', 'kubenova-controller'].map((name) => `system:serviceaccount:${systemNamespace}:${name}`),
  )
  const rejected = requests.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0))
  expect(rejected.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([])
})
