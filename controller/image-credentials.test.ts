import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { serverAction } from '../actions/index.ts'
import { openSealedSecret } from '../actions/sealed-secret.ts'
import { findCondition, type Image, image, resourceDefOf, type ServerStatus } from '../crds/index.ts'
import { type Secret, secrets } from '../kube/builtin-kinds.ts'
import { ApiError } from '../kube/errors.ts'
import { reconcileAction } from './action/reconcile.ts'
import { Bench } from './testing.ts'

const PASSWORD = 'correct horse'
const TYPE = 'compute.kubenova.io/image-credentials'
const host = 'images.example.org'
const { publicKey, privateKey } = generateKeyPairSync('x25519')
const sealingKey = publicKey.export({ format: 'jwk' }).x ?? ''
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const credentials = { host, username: 'me', password: PASSWORD }
const BASIC = 'Basic bWU6Y29ycmVjdCBob3JzZQ=='

async function createSecret(bench: Bench, values: Record<string, string>, type = TYPE, namespace = 'demo') {
  const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, base64(value)]))
  const metadata = { name: 'images', namespace }
  await bench.api.resource<Secret>(secrets).create({ metadata, type, data }, { fieldManager: 'user' })
}

const credentialsSecret = { name: 'images' }

async function withServer(
  spec: Partial<Image['spec']> = { credentialsSecret },
  key: { sealingKey?: string } = { sealingKey },
) {
  const bench = await Bench.start()
  await bench.createHost('h1', key)
  await bench.createFlavor()
  await bench.createImage('cirros', { url: `https://${host}/a`, ...spec })
  await bench.createNetwork()
  await bench.createServer('web')
  return bench
}

const openSealed = (bench: Bench, sealed: unknown, uid = bench.statusOf().instance?.image.uid) =>
  openSealedSecret(String(sealed), privateKey, {
    server: bench.getServer()?.metadata.uid ?? '',
    request: uid ?? '',
  })

const scheduled = (bench: Bench) => findCondition(bench.statusOf().conditions, 'Scheduled')

const objects = (bench: Bench): string =>
  JSON.stringify([bench.getServer(), bench.listActions(), bench.listPorts(), bench.api.list('images'), bench.events])

describe('placeServer, for an Image that names a Secret,', () => {
  it.each<[string, Record<string, string>, string]>([
    ['user and password', credentials, BASIC],
    ['a token', { host, token: 'abc.def' }, 'Bearer abc.def'],
    ['the port of https', { host: `${host}:443`, token: 'abc' }, 'Bearer abc'],
    ['a host in capitals', { host: 'Images.Example.org', token: 'abc' }, 'Bearer abc'],
  ])('seals %s for the server, the Image and the host', async (_, values, authorization) => {
    await using bench = await withServer()
    await createSecret(bench, values)
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1' })
    const sealed = bench.statusOf().instance?.image.sealedCredentials
    expect(await openSealed(bench, sealed)).toBe(authorization)
    expect(await openSealed(bench, sealed, 'another-image')).toBeUndefined()
    for (const text of [PASSWORD, base64(PASSWORD), authorization, base64(authorization)])
      expect(objects(bench)).not.toContain(text)
  })

  it.each<[string, Record<string, string>, string, string, string]>([
    [
      'is of another type',
      credentials,
      'kubernetes.io/basic-auth',
      'SecretInvalid',
      `Secret images is not of the type ${TYPE}: create one that is`,
    ],
    [
      'is for another host',
      { ...credentials, host: 'evil.example.org' },
      TYPE,
      'SecretInvalid',
      "key host of Secret images must be the host of the Image's URL, images.example.org: the credentials are sent to no other",
    ],
    [
      'names no host',
      { username: 'me', password: PASSWORD },
      TYPE,
      'SecretInvalid',
      'key host of Secret images must be 1 to 4096 bytes of text without line breaks (a token: without blanks)',
    ],
    [
      'has a token and a password',
      { ...credentials, token: 'abc' },
      TYPE,
      'SecretInvalid',
      'Secret images must have either the keys username and password, or the key token',
    ],
    [
      'has nothing but a host',
      { host },
      TYPE,
      'SecretInvalid',
      'Secret images must have either the keys username and password, or the key token',
    ],
    ['has a user without a password', { host, username: 'me' }, TYPE, 'SecretInvalid', 'key password of Secret images'],
    [
      'has a line break',
      { ...credentials, password: `${PASSWORD}\n` },
      TYPE,
      'SecretInvalid',
      'key password of Secret',
    ],
    ['has a blank in its token', { host, token: `${PASSWORD} x` }, TYPE, 'SecretInvalid', 'key token of Secret images'],
    ['has a colon in the user', { ...credentials, username: 'a:b' }, TYPE, 'SecretInvalid', 'must have no colon'],
    ['is too long', { host, token: 'x'.repeat(4097) }, TYPE, 'SecretInvalid', 'key token of Secret images'],
  ])('waits when the Secret %s', async (_, values, type, reason, message) => {
    await using bench = await withServer()
    await createSecret(bench, values, type)
    expect(await bench.reconcile()).toMatchObject({ kind: 'wait', recheckAfter: 200 })
    expect(scheduled(bench)).toMatchObject({ status: 'False', reason, message: expect.stringContaining(message) })
    expect(objects(bench)).not.toContain(PASSWORD)
  })

  it('waits until there is a Secret', async () => {
    await using bench = await withServer()
    expect(await bench.reconcile()).toMatchObject({ kind: 'wait', recheckAfter: 200 })
    expect(scheduled(bench)).toMatchObject({
      status: 'False',
      reason: 'SecretNotFound',
      message: 'Image cirros names Secret images, and there is none in namespace demo: create it',
    })
    await createSecret(bench, credentials)
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1', instance: { image: { name: 'cirros' } } })
  })

  it('takes no Secret of the namespace of the server in place of that of the Image', async () => {
    await using bench = await Bench.start()
    await bench.createHost('h1', { sealingKey })
    await bench.createFlavor()
    await bench.create<Image>(image, {
      metadata: { name: 'shared', namespace: 'catalogue' },
      spec: { url: `https://${host}/a`, visibility: 'public', credentialsSecret: { name: 'images' } },
    })
    await createSecret(bench, credentials)
    await bench.createServer('web', { image: { name: 'shared', namespace: 'catalogue' } })
    await bench.reconcile()
    expect(scheduled(bench)).toMatchObject({ reason: 'SecretNotFound' })
    await createSecret(bench, credentials, TYPE, 'catalogue')
    await bench.reconcile()
    expect(await openSealed(bench, bench.statusOf().instance?.image.sealedCredentials)).toBe(BASIC)
  })

  it('places no server on a host without a key', async () => {
    await using bench = await withServer({ credentialsSecret }, {})
    await createSecret(bench, credentials)
    await bench.reconcile()
    expect(scheduled(bench)).toMatchObject({
      status: 'False',
      reason: 'NoValidHost',
      message: expect.stringContaining('without a sealing key'),
    })
    expect(bench.services.ledger.usageOf('h1')).toMatchObject({ servers: 0 })
    expect(bench.listPorts()).toEqual([])
  })

  it('says what to do when the controller may not read Secrets', async () => {
    await using bench = await withServer()
    const body = { reason: 'Forbidden', message: 'secrets "images" is forbidden' }
    bench.deps.secrets = { get: async () => Promise.reject(new ApiError({ request: 'GET images', status: 403, body })) }
    await bench.reconcile()
    expect(scheduled(bench)).toMatchObject({
      reason: 'SecretForbidden',
      message: expect.stringContaining('the controller may not read Secret images: apply its ClusterRole'),
    })
  })

  it('reads no Secret for other Images', async () => {
    await using bench = await Bench.start()
    await bench.createHost('h1')
    await bench.createFlavor()
    await bench.createImage()
    bench.deps.secrets = { get: async () => Promise.reject(new Error('read')) }
    await bench.createServer('web')
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1' })
    expect(bench.statusOf().instance?.image).not.toHaveProperty('sealedCredentials')
  })
})

async function requestAction(bench: Bench, spec: object): Promise<Record<string, unknown> | undefined> {
  const metadata = { name: 'r1', namespace: 'demo' }
  await bench.create(serverAction, { metadata, spec: { server: 'web', ...spec } })
  const deps = { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }
  await bench.fake.life.runUntilKilled(reconcileAction('demo/r1', deps))
  await bench.fake.waitForCaches()
  return bench.statusOf().activeAction?.params
}

const failed: ServerStatus = {
  vmState: 'error',
  actionRecords: 1,
  observedGeneration: 1,
  fault: { code: 500, message: 'it answers 401', created: '2026-01-01T00:00:00Z' },
}
const active: ServerStatus = {
  vmState: 'active',
  actionRecords: 1,
  observedGeneration: 1,
  launchedAt: '2026-01-01T00:00:00Z',
  domain: { name: 'd' },
}

describe('a ServerAction', () => {
  it('start seals the present credentials for a server that was not built', async () => {
    await using bench = await withServer()
    await createSecret(bench, { ...credentials, password: 'wrong' })
    await bench.reconcile()
    await bench.reportAsAgent(failed)
    await bench.api.resource<Secret>(secrets).delete({ name: 'images', namespace: 'demo' })
    await createSecret(bench, credentials)
    const params = await requestAction(bench, { action: 'start' })
    expect(await openSealed(bench, params?.['sealedCredentials'])).toBe(BASIC)
    expect(objects(bench)).not.toContain(PASSWORD)
  })

  it('start seals the credentials of a Secret that the Image names only since the server was placed', async () => {
    await using bench = await withServer({})
    await bench.reconcile()
    await bench.reportAsAgent(failed)
    await createSecret(bench, credentials)
    const named = { spec: { credentialsSecret } }
    await bench.api.resource<Image>(resourceDefOf(image)).patch({ name: 'cirros', namespace: 'demo' }, named)
    const params = await requestAction(bench, { action: 'start' })
    expect(await openSealed(bench, params?.['sealedCredentials'])).toBe(BASIC)
  })

  it('start seals them again for a server that was built with credentials', async () => {
    await using bench = await withServer()
    await createSecret(bench, credentials)
    await bench.reconcile()
    await bench.reportAsAgent({ ...active, ...failed })
    const params = await requestAction(bench, { action: 'start' })
    expect(await openSealed(bench, params?.['sealedCredentials'])).toBe(BASIC)
  })

  it('start seals nothing for a server that was built without credentials', async () => {
    await using bench = await withServer({})
    await bench.reconcile()
    await bench.reportAsAgent({ ...active, ...failed })
    expect(await requestAction(bench, { action: 'start' })).toBeUndefined()
    expect(bench.statusOf().activeAction).toMatchObject({ action: 'start' })
  })

  it('rescue seals the credentials of the Image that it names', async () => {
    await using bench = await withServer({ url: 'https://elsewhere.example.org/a', credentialsSecret })
    await createSecret(bench, { ...credentials, host: 'elsewhere.example.org' })
    await bench.reconcile()
    await bench.reportAsAgent(active)
    const rescue = await bench.createImage('rescue', {
      url: 'https://elsewhere.example.org/rescue',
      credentialsSecret: { name: 'images' },
    })
    const params = await requestAction(bench, { action: 'rescue', rescue: { image: { name: 'rescue' } } })
    const resolved = params?.['resolvedImage'] as { sealedCredentials?: string } | undefined
    expect(await openSealed(bench, resolved?.sealedCredentials, rescue.metadata.uid)).toBe(BASIC)
  })
})
