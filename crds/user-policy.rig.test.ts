// Which writes the admission policies reject for a user whose role allows all writes to Kubenova's kinds in one
// namespace.
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { type ApiClient, createApiClient } from '../test/rig/api.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { API_VERSION } from './index.ts'

const plane = withControlPlane({
  users: [{ name: 'editor' }, { name: 'provider' }, { name: 'member' }, { name: 'cloud-admin' }],
})
let [editor, provider, member, admin] = [] as unknown as [ApiClient, ApiClient, ApiClient, ApiClient]

const makeObject = (kind: string, name: string, spec: Record<string, unknown>, more: object = {}): Manifest => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name },
  spec,
  ...more,
})
const makePort = (more: object = {}, spec: Record<string, unknown> = {}): Manifest =>
  makeObject('Port', 'mine', { network: { name: 'lan' }, ...spec }, more)
const makeServerAction = (more: object = {}): Manifest =>
  makeObject('ServerAction', 'once', { server: 'web', action: 'start', start: {} }, more)
const makeForcedAction = (ignoreLock = true): Manifest =>
  makeObject('ServerAction', 'other', { server: 'web', action: 'start', start: {}, ignoreLock })
const makeNetwork = (spec: Record<string, unknown>): Manifest =>
  makeObject('Network', 'lan', { subnets: [{ cidr: '10.0.0.0/24' }], ...spec })
const makeServer = (): Manifest => makeObject('Server', 'web', { flavor: 'tiny', image: { name: 'guest' } })
const makeHostSecret = (): Manifest =>
  makeObject('HostSecret', 'web', { host: 'h1', sealingKey: 'a', sealed: 'a.b.c.d.e' })
const statusOfPort = { status: { macAddress: 'fa:16:3e:11:22:33', fixedIPs: ['10.0.0.1'] } }

const tryCreate = (api: ApiClient, object: Manifest, query = '?dryRun=All'): Promise<string> =>
  api.send('POST', `${collectionPath(object)}${query}`, object).then(
    () => 'created',
    (error: unknown) => String(error),
  )
const tryPatch = (api: ApiClient, object: Manifest, change: object, of = ''): Promise<string> =>
  api
    .send(
      'PATCH',
      `${collectionPath(object)}/${object.metadata.name}/${of}?dryRun=All`,
      change,
      'application/merge-patch+json',
    )
    .then(
      () => 'changed',
      (error: unknown) => String(error),
    )

const rbac = 'rbac.authorization.k8s.io/v1'
const makeClusterRole = (name: string, rules: object[]) => ({
  apiVersion: rbac,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
})
const makeUserSubject = (name: string) => ({ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' })
const makeRoleRef = (name: string) => ({ kind: 'ClusterRole', name, apiGroup: 'rbac.authorization.k8s.io' })

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyAccessManifests(api, join(root, 'crds/access'))
  const groups = { apiGroups: ['compute.kubenova.io'] }
  const base = '/apis/rbac.authorization.k8s.io/v1'
  await api.send(
    'POST',
    `${base}/clusterroles`,
    makeClusterRole('all', [{ ...groups, resources: ['*'], verbs: ['*'] }]),
  )
  await api.send(
    'POST',
    `${base}/clusterroles`,
    makeClusterRole('devices', [{ ...groups, resources: ['networks/provider'], verbs: ['create'] }]),
  )
  for (const [name, role] of [
    ['editor', 'all'],
    ['provider', 'all'],
    ['member', 'kubenova-member'],
  ] as const) {
    const binding = { metadata: { name }, subjects: [makeUserSubject(name)], roleRef: makeRoleRef(role) }
    await api.send('POST', `${base}/namespaces/default/rolebindings`, binding)
  }
  const devices = {
    metadata: { name: 'devices' },
    subjects: [makeUserSubject('provider')],
    roleRef: makeRoleRef('devices'),
  }
  await api.send('POST', `${base}/clusterrolebindings`, devices)
  const admins = {
    metadata: { name: 'cloud-admin' },
    subjects: [makeUserSubject('cloud-admin')],
    roleRef: makeRoleRef('kubenova-admin'),
  }
  await api.send('POST', `${base}/clusterrolebindings`, admins)
  member = createApiClient(plane().kubeconfigOf('member'))
  admin = createApiClient(plane().kubeconfigOf('cloud-admin'))
  editor = createApiClient(plane().kubeconfigOf('editor'))
  provider = createApiClient(plane().kubeconfigOf('provider'))
  for (const object of [makePort(), makeServerAction(), makeNetwork({}), makeServer()])
    await waitUntil(async () => (await tryCreate(editor, object, '')) === 'created', {
      what: object.kind,
      deadline: 60_000,
      every: 200,
    })
  for (const object of [makePort(statusOfPort), makeNetwork({ bridge: 'br-mgmt' }), makeHostSecret()]) {
    const other = { ...object, metadata: { name: 'other' } }
    const isInEffect = async (): Promise<boolean> => (await tryCreate(editor, other)).includes('denied request')
    await waitUntil(isInEffect, { what: 'the policy to take effect', deadline: 60_000, every: 200 })
  }
  const isLockRespected = async (): Promise<boolean> =>
    (await tryCreate(member, makeForcedAction())).includes('denied request')
  await waitUntil(isLockRespected, { what: 'the policy of ignoreLock', deadline: 60_000, every: 200 })
})

const withOtherName = (object: Manifest): Manifest => ({ ...object, metadata: { name: 'other' } })
const statusMessage = /status is written by the controller and the agents: leave it out/
const serverFieldMessage = /spec\.server is the controller's/
const deviceMessage =
  /bridge and uplink name devices of the hosts: that needs the right to create networks\/provider in the whole cluster, which editor has not/

it.each<[string, () => Promise<string>, RegExp]>([
  ['create a Port with a status', () => tryCreate(editor, withOtherName(makePort(statusOfPort))), statusMessage],
  ['write the status of an existing Port', () => tryPatch(editor, makePort(), statusOfPort), statusMessage],
  [
    'create a Port with spec.server, as the controller does',
    () => tryCreate(editor, withOtherName(makePort({}, { server: 'web' }))),
    serverFieldMessage,
  ],
  [
    'create a ServerAction that has ended',
    () => tryCreate(editor, withOtherName(makeServerAction({ status: { phase: 'Succeeded' } }))),
    statusMessage,
  ],
  [
    'write the end of a ServerAction',
    () => tryPatch(editor, makeServerAction(), { status: { phase: 'Succeeded' } }),
    statusMessage,
  ],
  [
    'write the host of a Server',
    () => tryPatch(editor, makeServer(), { status: { host: 'h1' } }, 'status'),
    statusMessage,
  ],
  [
    'create a Network on a bridge of the hosts',
    () => tryCreate(editor, withOtherName(makeNetwork({ bridge: 'br-mgmt' }))),
    deviceMessage,
  ],
  [
    'create a Network with a device of the hosts',
    () => tryCreate(editor, withOtherName(makeNetwork({ uplink: 'eth1' }))),
    deviceMessage,
  ],
  [
    'create a HostSecret, with user data of its choice for a Server',
    () => tryCreate(editor, makeHostSecret()),
    /HostSecrets are made by the controller; give a Server user data in spec\.userDataFrom/,
  ],
])('an editor cannot %s', async (_, write, message) => {
  expect(await write()).toMatch(message)
})

it('an editor can write everything else, and users with further rights can write what these allow', async () => {
  expect(await tryCreate(editor, withOtherName(makePort({}, { fixedIPs: ['10.0.0.9'] })))).toBe('created')
  expect(await tryPatch(editor, makePort(), { metadata: { labels: { of: 'mine' } } })).toBe('changed')
  expect(await tryCreate(editor, withOtherName(makeServerAction()))).toBe('created')
  expect(await tryCreate(editor, withOtherName(makeNetwork({})))).toBe('created')
  expect(await tryPatch(editor, makeNetwork({}), { spec: { shared: true } })).toBe('changed')
  expect(await tryCreate(provider, withOtherName(makeNetwork({ uplink: 'eth1' })))).toBe('created')
  expect(await tryCreate(provider, withOtherName(makePort(statusOfPort)))).toMatch(statusMessage)
  expect(await tryCreate(plane().api, withOtherName(makePort(statusOfPort)))).toBe('created')
  expect(await tryCreate(plane().api, makeHostSecret())).toBe('created')
  expect(await tryPatch(plane().api, makeServer(), { status: { host: 'h1' } }, 'status')).toBe('changed')
})

it('an administrator can ignore the lock of a server, and a member cannot', async () => {
  expect(await tryCreate(member, makeForcedAction())).toContain(
    'ignoreLock acts on a locked server: that needs the right to create serveractions/ignorelock in this namespace, which member has not; leave it out, and set spec.locked of the server to false first',
  )
  expect(await tryCreate(member, makeForcedAction(false))).toBe('created')
  expect(await tryCreate(admin, makeForcedAction())).toBe('created')
})
