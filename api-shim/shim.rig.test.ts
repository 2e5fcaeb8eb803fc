import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createKube, type Kube } from '../kube/client.ts'
import { createLog } from '../kube/log.ts'
import { createStores, startStores } from '../kube/store.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { applyShimUsers, writeClientFiles } from '../test/rig/shim.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
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
