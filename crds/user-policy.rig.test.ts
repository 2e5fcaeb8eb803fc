// Writes that are refused to an editor of a namespace, who may otherwise write all kinds of Kubenova in it.
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { type ApiClient, createApiClient } from '../test/rig/api.ts'
import { applyManifests, applyPolicies } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { API_VERSION } from './index.ts'

const plane = withControlPlane({ users: [{ name: 'editor' }, { name: 'provider' }] })
let [editor, provider] = [] as unknown as [ApiClient, ApiClient]

const of = (kind: string, name: string, spec: Record<string, unknown>, more: object = {}): Manifest => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name },
  spec,
  ...more,
})
const port = (more: object = {}, spec: Record<string, unknown> = {}): Manifest =>
  of('Port', 'mine', { network: { name: 'lan' }, ...spec }, more)
const action = (more: object = {}): Manifest =>
  of('ServerAction', 'once', { server: 'web', action: 'start', start: {} }, more)
const network = (spec: Record<string, unknown>): Manifest =>
  of('Network', 'lan', { subnets: [{ cidr: '10.0.0.0/24' }], ...spec })
const server = (): Manifest => of('Server', 'web', { flavor: 'tiny', image: { name: 'guest' } })
const given = { status: { macAddress: 'fa:16:3e:11:22:33', fixedIPs: ['10.0.0.1'] } }

const create = (api: ApiClient, object: Manifest, query = '?dryRun=All'): Promise<string> =>
  api.send('POST', `${collectionPath(object)}${query}`, object).then(
    () => 'created',
    (error: unknown) => String(error),
  )
const patch = (api: ApiClient, object: Manifest, change: object, of = ''): Promise<string> =>
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
const role = (name: string, rules: object[]) => ({ apiVersion: rbac, kind: 'ClusterRole', metadata: { name }, rules })
const user = (name: string) => ({ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' })
const roleRef = (name: string) => ({ kind: 'ClusterRole', name, apiGroup: 'rbac.authorization.k8s.io' })

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyPolicies(api, join(root, 'crds/access'))
  const groups = { apiGroups: ['compute.kubenova.io'] }
  const base = '/apis/rbac.authorization.k8s.io/v1'
  await api.send('POST', `${base}/clusterroles`, role('all', [{ ...groups, resources: ['*'], verbs: ['*'] }]))
  await api.send(
    'POST',
    `${base}/clusterroles`,
    role('devices', [{ ...groups, resources: ['networks/provider'], verbs: ['create'] }]),
  )
  for (const name of ['editor', 'provider']) {
    const binding = { metadata: { name }, subjects: [user(name)], roleRef: roleRef('all') }
    await api.send('POST', `${base}/namespaces/default/rolebindings`, binding)
  }
  const devices = { metadata: { name: 'devices' }, subjects: [user('provider')], roleRef: roleRef('devices') }
  await api.send('POST', `${base}/clusterrolebindings`, devices)
  editor = createApiClient(plane().kubeconfigOf('editor'))
  provider = createApiClient(plane().kubeconfigOf('provider'))
  for (const object of [port(), action(), network({}), server()])
    await waitUntil(async () => (await create(editor, object, '')) === 'created', {
      what: object.kind,
      deadline: 60_000,
      every: 200,
    })
  // A policy counts some seconds after it was made.
  for (const object of [port(given), network({ bridge: 'br-mgmt' })]) {
    const other = { ...object, metadata: { name: 'other' } }
    const refuses = async (): Promise<boolean> => (await create(editor, other)).includes('denied request')
    await waitUntil(refuses, { what: 'a refusal', deadline: 60_000, every: 200 })
  }
})

const other = (object: Manifest): Manifest => ({ ...object, metadata: { name: 'other' } })
const isStatus = /status is written by the controller and the agents: leave it out/
const isServers = /spec\.server is the controller's/
const isDevice =
  /bridge and uplink name devices of the hosts: that needs the right to create networks\/provider in the whole cluster, which editor has not/

it.each<[string, () => Promise<string>, RegExp]>([
  ['a Port with addresses of its own choice', () => create(editor, other(port(given))), isStatus],
  ['addresses into a Port that is there', () => patch(editor, port(), given), isStatus],
  ['a Port as if it were made for a server', () => create(editor, other(port({}, { server: 'web' }))), isServers],
  ['a ServerAction that has ended', () => create(editor, other(action({ status: { phase: 'Succeeded' } }))), isStatus],
  ['the end of a ServerAction', () => patch(editor, action(), { status: { phase: 'Succeeded' } }), isStatus],
  ['the host of a Server', () => patch(editor, server(), { status: { host: 'h1' } }, 'status'), isStatus],
  ['a Network on a bridge of the hosts', () => create(editor, other(network({ bridge: 'br-mgmt' }))), isDevice],
  ['a Network with a device of the hosts', () => create(editor, other(network({ uplink: 'eth1' }))), isDevice],
])('refuses an editor %s', async (_, act, says) => {
  expect(await act()).toMatch(says)
})

it('lets editors do the rest, and others what they may', async () => {
  expect(await create(editor, other(port({}, { fixedIPs: ['10.0.0.9'] })))).toBe('created')
  expect(await patch(editor, port(), { metadata: { labels: { of: 'mine' } } })).toBe('changed')
  expect(await create(editor, other(action()))).toBe('created')
  expect(await create(editor, other(network({})))).toBe('created')
  expect(await patch(editor, network({}), { spec: { shared: true } })).toBe('changed')
  expect(await create(provider, other(network({ uplink: 'eth1' })))).toBe('created')
  expect(await create(provider, other(port(given)))).toMatch(isStatus)
  expect(await create(plane().api, other(port(given)))).toBe('created')
  expect(await patch(plane().api, server(), { status: { host: 'h1' } }, 'status')).toBe('changed')
})
