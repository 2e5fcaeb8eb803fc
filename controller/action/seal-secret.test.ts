import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import { openSealedSecret } from '../../actions/sealed-secret.ts'
import {
  findCondition,
  type Hypervisor,
  hypervisor,
  resourceDefOf,
  type ServerAction,
  type ServerStatus,
} from '../../crds/index.ts'
import { type Secret, secrets } from '../../kube/builtin-kinds.ts'
import { ApiError } from '../../kube/errors.ts'
import { Bench } from '../testing.ts'
import { reconcileAction } from './reconcile.ts'
import type { SealDeps } from './seal-secret.ts'

const PASSWORD = 'correct horse'
const { publicKey, privateKey } = generateKeyPairSync('x25519')
const sealingKey = publicKey.export({ format: 'jwk' }).x ?? ''
const active: ServerStatus = {
  vmState: 'active',
  actionRecords: 1,
  observedGeneration: 1,
  launchedAt: '2026-01-01T00:00:00Z',
  domain: { name: 'd' },
}
const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function withServer(host: { sealingKey?: string } = { sealingKey }): Promise<Bench> {
  const bench = await Bench.start()
  await bench.createHost('h1', host)
  await bench.createFlavor()
  await bench.createImage()
  await bench.createNetwork()
  await bench.createServer('web')
  await bench.reconcile()
  await bench.reportAsAgent(active)
  return bench
}

const TYPE = 'compute.kubenova.io/password'

async function createSecret(bench: Bench, data: Record<string, string>, type = TYPE): Promise<void> {
  const metadata = { name: 'web-password', namespace: 'demo' }
  await bench.api.resource<Secret>(secrets).create({ metadata, type, data }, { fieldManager: 'user' })
}

function createRequest(bench: Bench, key?: string): Promise<ServerAction> {
  const passwordSecret = { name: 'web-password', ...(key === undefined ? {} : { key }) }
  return bench.create<ServerAction>(serverAction, {
    metadata: { name: 'r1', namespace: 'demo' },
    spec: { server: 'web', action: 'changePassword', changePassword: { user: 'admin', passwordSecret } },
  })
}

async function reconcileRequest(bench: Bench, secretReader = bench.services.secrets): Promise<void> {
  const deps = { stores: bench.stores, secrets: secretReader, now: () => bench.now() }
  await bench.fake.life.runUntilKilled(reconcileAction('demo/r1', deps))
}

async function request(bench: Bench, key?: string, secretReader?: SealDeps['secrets']): Promise<ServerAction> {
  const created = await createRequest(bench, key)
  await reconcileRequest(bench, secretReader)
  await bench.fake.waitForCaches()
  return created
}

const accepted = (bench: Bench) => findCondition(bench.listActions()[0]?.status?.conditions, 'Accepted')

const allStoredTextExceptSecret = (bench: Bench): string =>
  JSON.stringify([
    bench.getServer(),
    bench.listActions(),
    bench.listPorts(),
    bench.api.list('hypervisors'),
    bench.events,
  ])

describe('a request that names a Secret', () => {
  it.each([undefined, 'other'])('is admitted with the value sealed for its server, from the key %s', async (key) => {
    await using bench = await withServer()
    await createSecret(bench, { [key ?? 'password']: base64(PASSWORD) })
    const { metadata } = await request(bench, key)
    const { params } = bench.statusOf().activeAction ?? {}
    expect(params).toMatchObject({ user: 'admin', sealed: expect.any(String) })
    const binding = { server: bench.getServer()?.metadata.uid ?? '', request: metadata.uid ?? '' }
    expect(await openSealedSecret(String(params?.['sealed']), privateKey, binding)).toBe(PASSWORD)
    expect(accepted(bench)).toMatchObject({ status: 'True' })
    for (const text of [PASSWORD, base64(PASSWORD)]) expect(allStoredTextExceptSecret(bench)).not.toContain(text)
  })

  it('leaves nothing in the slot when the agent has completed it', async () => {
    await using bench = await withServer()
    await createSecret(bench, { password: base64(PASSWORD) })
    const { metadata } = await request(bench)
    await bench.reportAsAgent({ ...active, lastCompletedAction: metadata.uid ?? '' })
    await bench.reconcile()
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
    expect(bench.statusOf()).toMatchObject({ lastCompletedAction: metadata.uid })
  })

  it.each<[string, Record<string, string>, string, string]>([
    ['is of another type', { password: base64(PASSWORD) }, 'Opaque', 'SecretInvalid'],
    ['has no such key', { other: base64(PASSWORD) }, TYPE, 'SecretNotFound'],
    ['is empty', { password: '' }, TYPE, 'SecretInvalid'],
    ['has two lines', { password: base64(`${PASSWORD}\n`) }, TYPE, 'SecretInvalid'],
    ['is no text', { password: Buffer.from([0xff, 0xfe]).toString('base64') }, TYPE, 'SecretInvalid'],
    ['is too long', { password: base64(PASSWORD.repeat(100)) }, TYPE, 'SecretInvalid'],
  ])('is rejected when the Secret %s', async (_, data, type, reason) => {
    await using bench = await withServer()
    await createSecret(bench, data, type)
    await request(bench)
    expect(accepted(bench)).toMatchObject({ status: 'False', reason })
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
    expect(allStoredTextExceptSecret(bench)).not.toContain(PASSWORD)
  })

  it('is rejected when its Secret belongs to another server', async () => {
    await using bench = await withServer()
    await createSecret(bench, { password: base64(PASSWORD) })
    const owner = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'x', uid: 'another' }
    await bench.api
      .resource<Secret>(secrets)
      .patch({ name: 'web-password', namespace: 'demo' }, { metadata: { ownerReferences: [owner] } })
    await request(bench)
    expect(accepted(bench)).toMatchObject({
      reason: 'SecretInvalid',
      message: 'Secret web-password belongs to another server: create one for this server',
    })
  })

  it('is rejected when there is no such Secret', async () => {
    await using bench = await withServer()
    await request(bench)
    expect(accepted(bench)).toMatchObject({ status: 'False', reason: 'SecretNotFound' })
  })

  it('is rejected with what to do when the controller may not read Secrets', async () => {
    await using bench = await withServer()
    await createSecret(bench, { password: base64(PASSWORD) })
    const body = { reason: 'Forbidden', message: 'secrets "web-password" is forbidden' }
    const get = async () => Promise.reject(new ApiError({ request: 'GET web-password', status: 403, body }))
    await request(bench, undefined, { get })
    expect(bench.listActions()[0]?.status).toMatchObject({
      phase: 'Rejected',
      message:
        'the controller may not read Secret web-password: apply its ClusterRole and its binding (crds/access/controller.yaml) again, then request again',
    })
    expect(accepted(bench)).toMatchObject({ status: 'False', reason: 'SecretForbidden' })
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
  })

  it('is rejected when the host has published no key', async () => {
    await using bench = await withServer({})
    await createSecret(bench, { password: base64(PASSWORD) })
    await request(bench)
    expect(accepted(bench)).toMatchObject({ status: 'False', reason: 'SealingKeyMissing' })
  })

  it('is admitted when the host has just published its key, and the cache has the host without one', async () => {
    await using bench = await withServer({})
    await createSecret(bench, { password: base64(PASSWORD) })
    const { metadata } = await createRequest(bench)
    bench.api.pauseWatches()
    await bench.api
      .resource<Hypervisor>(resourceDefOf(hypervisor))
      .applyStatus({ metadata: { name: 'h1' }, status: { sealingKey } }, { fieldManager: 'kubenova-agent/h1' })
    await reconcileRequest(bench)
    bench.api.resumeWatches()
    const { params } = bench.statusOf().activeAction ?? {}
    const binding = { server: bench.getServer()?.metadata.uid ?? '', request: metadata.uid ?? '' }
    expect(await openSealedSecret(String(params?.['sealed']), privateKey, binding)).toBe(PASSWORD)
  })
})
