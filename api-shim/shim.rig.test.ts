import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Server, ServerAction } from '../crds/index.ts'
import { createKube } from '../kube/client.ts'
import { createStores, startStores } from '../kube/store.ts'
import { controllerStores, finishDeletionRecords, recordDeletion } from '../test/fakes/controller.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { type InProcessShim, startShimInProcess } from '../test/rig/in-process-shim.ts'
import { applyShimUsers, hashUsers, writeClientFiles } from '../test/rig/shim.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'

const plane = withControlPlane({ audit: true })
const repository = join(import.meta.dirname, '..')
const stop = new AbortController()
let shim: InProcessShim
let app: InProcessShim['app']
const dir = `/tmp/kubenova-shim-${process.pid}`

interface CloudEntry {
  auth: { username: string; password: string; project_name: string }
}

async function tokenOf(cloud: string): Promise<string> {
  const { clouds } = parse(readFileSync(join(dir, 'clouds.yaml'), 'utf8')) as { clouds: Record<string, CloudEntry> }
  const { username, password, project_name: project } = clouds[cloud]!.auth
  const answer = await requestToken(username, password, project)
  expect(answer.statusCode).toBe(201)
  return String(answer.headers['x-subject-token'])
}

function requestToken(name: string, password: string, project: string) {
  const domain = { id: 'default' }
  const identity = { methods: ['password'], password: { user: { name, domain, password } } }
  const payload = { auth: { identity, scope: { project: { name: project, domain } } } }
  return app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload })
}

/** The embedded back end makes it of the name. */
const ID_OF_DEMO = '1ded3b70a3d4e7b9020b169e1c1acf30'
const serversPath = '/apis/compute.kubenova.io/v1alpha1/namespaces/default/servers'
const actionsPath = '/apis/compute.kubenova.io/v1alpha1/namespaces/default/serveractions'

const ask = (token: string, method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object, version = '2.1') =>
  app.inject({
    method,
    url,
    headers: { 'x-auth-token': token, accept: 'application/json', 'openstack-api-version': `compute ${version}` },
    ...(payload ? { payload } : {}),
  })

describe('the shim on a real API server', () => {
  beforeAll(async () => {
    const { mkdirSync } = await import('node:fs')
    mkdirSync(dir, { recursive: true })
    const { api } = plane()
    await applyManifests(api, join(repository, 'crds/manifests'))
    for (const folder of ['admission', 'access']) await applyAccessManifests(api, join(repository, 'crds', folder))
    writeClientFiles(dir, 'http://shim.test', await applyShimUsers(api, dir, 'kubenova-system'))
    for (const file of ['flavor', 'image', 'network', 'keypair'])
      await plane().kubectl('apply', '-f', join(repository, `examples/quickstart/${file}.yaml`))
    shim = await startShimInProcess(plane())
    app = shim.app
  })
  afterAll(async () => {
    stop.abort()
    await shim?.[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  })

  it('creates a server as the caller, shows it at once, and deletes it', async () => {
    const token = await tokenOf('kubenova')
    const flavor = (await ask(token, 'GET', '/compute/v2.1/flavors')).json<{ flavors: { id: string }[] }>().flavors[0]!
    const image = (await ask(token, 'GET', '/image/v2/images')).json<{ images: { id: string }[] }>().images[0]!
    const server = { name: 'web', flavorRef: flavor.id, imageRef: image.id }
    const created = await ask(token, 'POST', '/compute/v2.1/servers', { server })
    expect([created.statusCode, created.body]).toEqual([202, expect.stringContaining('"links"')])
    const { id } = created.json<{ server: { id: string } }>().server
    const shown = await ask(token, 'GET', `/compute/v2.1/servers/${id}`)
    expect(shown.json()).toMatchObject({
      server: { id, name: 'web', status: 'BUILD', 'OS-EXT-STS:task_state': 'scheduling' },
    })
    expect((await ask(token, 'DELETE', `/compute/v2.1/servers/${id}`)).statusCode).toBe(204)
    const after = await ask(token, 'GET', `/compute/v2.1/servers/${id}`)
    // Without a controller, the finalizer keeps the Server.
    expect(after.json()).toMatchObject({ server: { 'OS-EXT-STS:task_state': 'deleting' } })
  })

  /** Creates a Server that is active, and returns its address in the Compute API. */
  async function seedActive(name: string, token: string): Promise<string> {
    const { api } = plane()
    const spec = { flavor: 'tiny', image: { name: 'guest' }, locked: true }
    const apiVersion = 'compute.kubenova.io/v1alpha1'
    const { metadata } = await api.send<Server>('POST', serversPath, {
      apiVersion,
      kind: 'Server',
      metadata: { name },
      spec,
    })
    const power = { powerState: 'Running', reachedPowerState: 'Running' }
    const status = { host: 'h1', vmState: 'active', launchedAt: '2026-01-02T03:04:05Z', ...power }
    await api.send('PATCH', `${serversPath}/${name}/status`, { status }, 'application/merge-patch+json')
    const url = `/compute/v2.1/servers/${metadata.uid}`
    const isActive = async () => (await ask(token, 'GET', url)).body.includes('"ACTIVE"')
    await waitUntil(isActive, { what: `${name} to be active`, deadline: 10_000 })
    return url
  }

  it('lets administrators act on a locked server, and members not', async () => {
    const { api } = plane()
    const [member, admin] = await Promise.all([tokenOf('kubenova'), tokenOf('kubenova-admin')])
    const db = await seedActive('db', member)
    const act = async (token: string, url: string, body: object) =>
      (await ask(token, 'POST', `${url}/action`, body)).statusCode
    expect(await act(member, db, { 'os-stop': null })).toBe(409)
    expect((await ask(member, 'DELETE', db)).statusCode).toBe(409)
    expect(await act(admin, db, { 'os-stop': null })).toBe(202)
    const { spec } = await api.send<Server>('GET', `${serversPath}/db`)
    expect(spec).toMatchObject({ powerState: 'Stopped', locked: true })
    expect((await ask(admin, 'DELETE', db)).statusCode).toBe(204)
    const { metadata, spec: lasting } = await api.send<Server>('GET', `${serversPath}/db`)
    expect([metadata.deletionTimestamp, lasting.locked]).toEqual([expect.any(String), true])

    const web = await seedActive('web', member)
    expect(await act(member, web, { reboot: { type: 'HARD' } })).toBe(409)
    expect(await act(admin, web, { reboot: { type: 'HARD' } })).toBe(202)
    const { items } = await api.send<{ items: ServerAction[] }>('GET', actionsPath)
    expect(items.map((action) => action.spec)).toMatchObject([{ server: 'web', action: 'reboot', ignoreLock: true }])
  })

  /** Adds a user with a role in a project, and returns a token of the user. */
  async function addUser(name: string, role: string, project: string): Promise<string> {
    const { api } = plane()
    const password = `password-of-${name}`
    const data = await hashUsers([{ name, password }])
    const secret = '/api/v1/namespaces/kubenova-system/secrets/kubenova-users'
    await api.send('PATCH', secret, { data }, 'application/merge-patch+json')
    await api.send('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${project}/rolebindings`, {
      metadata: { name: `shim-${name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `kubenova-${role}` },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    })
    let token = ''
    const hasToken = async (): Promise<boolean> => {
      const answer = await requestToken(name, password, project)
      token = String(answer.headers['x-subject-token'])
      return answer.statusCode === 201
    }
    await waitUntil(hasToken, { what: `a token of ${name}`, deadline: 15_000 })
    return token
  }

  it('keeps projects apart, lets readers change nothing, and the audit log names the person', async () => {
    const { api } = plane()
    await api.send('POST', '/api/v1/namespaces', { metadata: { name: 'team-b' } })
    const [bob, rita] = [await addUser('bob', 'member', 'team-b'), await addUser('rita', 'reader', 'default')]
    const member = await tokenOf('kubenova')
    const url = await seedActive('ours', member)
    const statusOf = async (token: string, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) =>
      (await ask(token, method, path, body)).statusCode
    const start = { 'os-start': null }
    const key = {
      keypair: {
        name: 'k',
        public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqD6dpMKYUcEkO5bM1vkHjmIzkXrN3tQYqZ2Jb3LhQd',
      },
    }

    expect((await ask(bob, 'GET', '/compute/v2.1/servers')).json()).toEqual({ servers: [] })
    expect(await statusOf(bob, 'GET', '/compute/v2.1/servers?all_tenants=1')).toBe(403)
    expect(await statusOf(bob, 'GET', url)).toBe(404)
    expect(await statusOf(bob, 'DELETE', url)).toBe(404)
    expect(await statusOf(bob, 'POST', `${url}/action`, start)).toBe(404)
    expect(await statusOf(rita, 'GET', url)).toBe(200)
    expect(await statusOf(rita, 'DELETE', url)).toBe(403)
    expect(await statusOf(rita, 'POST', `${url}/action`, start)).toBe(403)
    expect(await statusOf(rita, 'POST', '/compute/v2.1/os-keypairs', key)).toBe(403)
    expect(await statusOf(member, 'POST', '/compute/v2.1/os-keypairs', key)).toBe(200)

    const writers = plane()
      .audit()
      .filter(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'keypairs')
      .map(({ impersonatedUser, responseStatus }) => [impersonatedUser?.username, responseStatus?.code])
      .filter(([username]) => username !== undefined)
    expect(writers).toEqual([
      ['rita', 403],
      ['demo', 201],
    ])
  })

  it('lists a server that the controller has seen go', async () => {
    const member = await tokenOf('kubenova')
    const url = await seedActive('gone', member)
    const kubeconfig = await plane().serviceAccount('kubenova-system', 'kubenova-controller')
    await using controller = await createKube({ kubeconfig, userAgent: 'kubenova-controller' })
    const stores = createStores(
      { servers: controllerStores.servers, actions: controllerStores.actions },
      { kube: controller },
    )
    await startStores(stores, stop.signal)
    const path = `${serversPath}/gone`
    await plane().api.send('PATCH', path, { spec: { locked: false } }, 'application/merge-patch+json')
    await ask(member, 'DELETE', url)
    const server = await plane().api.send<Server>('GET', path)
    await recordDeletion(server, stores, '2026-01-02T03:04:05Z')
    await plane().api.send('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json')
    const isSeen = async () => stores.servers.cache.get('default/gone') === undefined
    await waitUntil(isSeen, { what: 'the end of the server', deadline: 10_000 })
    await finishDeletionRecords('default/gone', stores, '2026-01-02T03:04:06Z')
    const list = '/compute/v2.1/servers?changes-since=2026-01-02T03:04:06Z'
    const hasEnded = async () => (await ask(member, 'GET', list)).body.includes('"gone"')
    await waitUntil(hasEnded, { what: 'the deleted server', deadline: 10_000 })
    expect((await ask(member, 'GET', url)).statusCode).toBe(404)
    const actions = await ask(member, 'GET', `${url}/os-instance-actions`, undefined, '2.21')
    expect(actions.json()).toMatchObject({ instanceActions: [{ action: 'delete', user_id: ID_OF_DEMO }] })
  })

  it('refuses what RBAC refuses, for reads and for writes', async () => {
    await plane().kubectl('delete', 'rolebinding', 'shim-demo', '--ignore-not-found')
    const denied = await app.inject({
      method: 'POST',
      url: '/identity/v3/auth/tokens',
      payload: {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'demo', domain: { id: 'default' }, password: 'x' } },
          },
        },
      },
    })
    expect(denied.statusCode).toBe(401)
    const admin = await tokenOf('kubenova-admin')
    expect((await ask(admin, 'GET', '/compute/v2.1/servers?all_tenants=1')).statusCode).toBe(200)
  })
})
