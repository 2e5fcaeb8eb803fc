import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Server, ServerAction } from '../crds/index.ts'
import { createKube, type Kube } from '../kube/client.ts'
import { createLog } from '../kube/log.ts'
import { createStores, startStores } from '../kube/store.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { applyShimUsers, writeClientFiles } from '../test/rig/shim.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { EmbeddedIdentity } from './identity/embedded/backend.ts'
import { createServer } from './server.ts'
import type { Services } from './services.ts'
import { createAccess } from './state/access.ts'
import { Heartbeats } from './state/heartbeats.ts'
import { Hosts } from './state/hosts.ts'
import { State } from './state/state.ts'
import { storeDefs } from './state/stores.ts'

const plane = withControlPlane({ audit: true })
const repository = join(import.meta.dirname, '..')
const stop = new AbortController()
let kube: Kube
let app: ReturnType<typeof createServer>
let services: Services
const dir = `/tmp/kubenova-shim-${process.pid}`

interface CloudEntry {
  auth: { username: string; password: string; project_name: string }
}

async function tokenOf(cloud: string): Promise<string> {
  const { clouds } = parse(readFileSync(join(dir, 'clouds.yaml'), 'utf8')) as { clouds: Record<string, CloudEntry> }
  const { username, password, project_name: project } = clouds[cloud]!.auth
  const domain = { id: 'default' }
  const payload = {
    auth: {
      identity: { methods: ['password'], password: { user: { name: username, domain, password } } },
      scope: { project: { name: project, domain } },
    },
  }
  const answer = await app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload })
  expect(answer.statusCode).toBe(201)
  return String(answer.headers['x-subject-token'])
}

const serversPath = '/apis/compute.kubenova.io/v1alpha1/namespaces/default/servers'
const actionsPath = '/apis/compute.kubenova.io/v1alpha1/namespaces/default/serveractions'

const ask = (token: string, method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
  app.inject({
    method,
    url,
    headers: { 'x-auth-token': token, accept: 'application/json' },
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
    const kubeconfig = await plane().serviceAccount('kubenova-system', 'kubenova-api-shim')
    kube = await createKube({ kubeconfig, userAgent: 'kubenova-api-shim' })
    const log = createLog({ level: 'error' })
    const stores = createStores(storeDefs, { kube, log })
    const state = new State({ kube, stores, access: createAccess(kube) })
    await startStores(stores, stop.signal)
    const namespace = 'kubenova-system'
    const identity = new EmbeddedIdentity({ kube, state, namespace, tokenSeconds: 600, log })
    await identity.start(stop.signal)
    const heartbeats = new Heartbeats(kube, namespace)
    const clock = kube.clock
    const hosts = new Hosts(kube, namespace)
    services = {
      state,
      authenticator: identity,
      identity,
      namespace,
      heartbeats,
      hosts,
      region: 'RegionOne',
      clock,
      log,
    }
    app = createServer(services)
    await app.ready()
  })
  afterAll(async () => {
    stop.abort()
    await app?.close()
    await kube?.[Symbol.asyncDispose]()
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

    const web = await seedActive('web', member)
    expect(await act(member, web, { reboot: { type: 'HARD' } })).toBe(409)
    expect(await act(admin, web, { reboot: { type: 'HARD' } })).toBe(202)
    const { items } = await api.send<{ items: ServerAction[] }>('GET', actionsPath)
    expect(items.map((action) => action.spec)).toMatchObject([{ server: 'web', action: 'reboot', ignoreLock: true }])
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
