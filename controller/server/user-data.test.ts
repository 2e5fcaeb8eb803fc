import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openSealedUserData } from '../../actions/sealed-secret.ts'
import { findCondition, type HostSecret, type ServerStatus } from '../../crds/index.ts'
import { type Secret, secrets } from '../../kube/builtin-kinds.ts'
import { ApiError } from '../../kube/errors.ts'
import { Killed, Life } from '../../test/fakes/life.ts'
import { Bench } from '../testing.ts'
import { reconcileServer } from './reconcile.ts'
import { sendUserData, type UserDataDeps } from './user-data.ts'

const USER_DATA = '#cloud-config\npassword: correct horse\n'
const TYPE = 'compute.kubenova.io/user-data'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

const newKey = () => {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return { privateKey, sealingKey: publicKey.export({ format: 'jwk' }).x ?? '' }
}
const [h1, h2] = [newKey(), newKey()]

const reference = (optional?: boolean) => ({
  userDataFrom: { secretKeyRef: { name: 's', key: 'k', ...(optional === undefined ? {} : { optional }) } },
})

async function prepare(bench: Bench): Promise<Bench> {
  await bench.createFlavor()
  await bench.createImage()
  return bench
}

async function withHost(): Promise<Bench> {
  const bench = await Bench.start()
  await bench.createHost('h1', { sealingKey: h1.sealingKey })
  return prepare(bench)
}

async function createSecret(bench: Bench, data: Record<string, string>, type = TYPE): Promise<void> {
  const metadata = { name: 's', namespace: 'demo' }
  await bench.api.resource<Secret>(secrets).create({ metadata, type, data }, { fieldManager: 'user' })
}

const secretOwnedByAnother = {
  metadata: {
    name: 's',
    namespace: 'demo',
    ownerReferences: [{ apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'x', uid: 'another' }],
  },
  type: TYPE,
  data: { k: base64(USER_DATA) },
}

const replaceSecret = async (bench: Bench, data: Record<string, string>): Promise<void> => {
  await deleteSecret(bench)
  await createSecret(bench, data)
}
const deleteSecret = (bench: Bench) =>
  bench.api.resource<Secret>(secrets).delete({ name: 's', namespace: 'demo' }, { fieldManager: 'user' } as never)

const hostSecrets = (bench: Bench): HostSecret[] => bench.api.list<HostSecret>('hostsecrets')

/** Decrypts the user data in the HostSecret for the UID that the Server has now; undefined if this fails. */
async function openedBy({ privateKey }: ReturnType<typeof newKey>, bench: Bench): Promise<string | undefined> {
  const sealed = hostSecrets(bench)[0]?.spec.sealed ?? ''
  const opened = await openSealedUserData(sealed, privateKey, { server: bench.getServer()?.metadata.uid ?? '' })
  return opened && Buffer.from(opened).toString()
}

const scheduled = (bench: Bench) => findCondition(bench.statusOf().conditions, 'Scheduled')

const objects = (bench: Bench): string =>
  JSON.stringify([bench.getServer(), hostSecrets(bench), bench.api.list('hypervisors'), bench.events])

const building: ServerStatus = { vmState: 'building', actionRecords: 0, observedGeneration: 1, domain: { name: 'd' } }
const built: ServerStatus = { ...building, vmState: 'active', launchedAt: '2026-01-01T00:00:00Z' }

describe('a server with user data from a Secret', () => {
  it.each([true, false])('waits when its Secret belongs to another server, with optional: %s', async (optional) => {
    await using bench = await withHost()
    await bench.api.resource<Secret>(secrets).create(secretOwnedByAnother, { fieldManager: 'user' })
    await bench.createServer('web', reference(optional))
    await bench.reconcile()
    expect(scheduled(bench)).toMatchObject({ status: 'False', reason: 'UserDataSecretInvalid' })
    expect(hostSecrets(bench)).toEqual([])
  })

  it('is placed with a HostSecret that its host can open, and no other', async () => {
    await using bench = await withHost()
    await createSecret(bench, { k: base64(USER_DATA) })
    await bench.createServer('web', reference())
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1', instance: { hasSecretUserData: true } })
    expect(hostSecrets(bench)).toMatchObject([
      {
        metadata: { name: 'web', ownerReferences: [{ kind: 'Server', uid: bench.getServer()?.metadata.uid }] },
        spec: { host: 'h1', sealingKey: h1.sealingKey },
      },
    ])
    expect(await openedBy(h1, bench)).toBe(USER_DATA)
    expect(await openedBy(h2, bench)).toBeUndefined()
    for (const text of [USER_DATA, 'correct horse', base64(USER_DATA)]) expect(objects(bench)).not.toContain(text)
  })

  it('has its HostSecret before it has its host, so that the agent finds it', async () => {
    await using bench = await withHost()
    await createSecret(bench, { k: base64(USER_DATA) })
    await bench.createServer('web', reference())
    await bench.reconcile()
    expect(bench.writes).toEqual(['create hostsecrets', 'applyStatus servers'])
  })

  it.each<[string, Record<string, string> | undefined, string, string, string]>([
    [
      'does not exist',
      undefined,
      TYPE,
      'UserDataSecretNotFound',
      'Secret s does not exist; the server waits for it: create it with the type compute.kubenova.io/user-data',
    ],
    [
      'has no such key',
      { other: '' },
      TYPE,
      'UserDataSecretNotFound',
      'Secret s has no key k; the server waits for it',
    ],
    [
      'is of another type',
      { k: base64(USER_DATA) },
      'Opaque',
      'UserDataSecretInvalid',
      'Secret s is not of the type compute.kubenova.io/user-data: delete it and create one that is; the server waits for it',
    ],
    [
      'is a password of a guest',
      { k: base64(USER_DATA) },
      'compute.kubenova.io/password',
      'UserDataSecretInvalid',
      'Secret s is not of the type compute.kubenova.io/user-data: delete it and create one that is; the server waits for it',
    ],
    [
      'is too large',
      { k: base64('x'.repeat(65_536)) },
      TYPE,
      'UserDataSecretInvalid',
      'key k of Secret s has 65536 bytes, but user data has at most 65535: make it smaller; the server waits for it',
    ],
  ])('waits with the reason when the Secret %s', async (_, data, type, reason, message) => {
    await using bench = await withHost()
    if (data) await createSecret(bench, data, type)
    await bench.createServer('web', reference())
    expect(await bench.reconcile()).toEqual({ kind: 'wait', for: 'its Secret', recheckAfter: 200 })
    expect(scheduled(bench)).toMatchObject({ status: 'False', reason, message })
    expect(bench.statusOf()).not.toHaveProperty('host')
    expect(hostSecrets(bench)).toEqual([])
    expect(objects(bench)).not.toContain('correct horse')
  })

  it('is placed when the Secret appears', async () => {
    await using bench = await withHost()
    await bench.createServer('web', reference())
    await bench.reconcile()
    await createSecret(bench, { k: base64(USER_DATA) })
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1' })
    expect(await openedBy(h1, bench)).toBe(USER_DATA)
  })

  it('reports a Secret that stays missing as one event', async () => {
    await using bench = await withHost()
    await bench.createServer('web', reference())
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.events).toMatchObject([{ type: 'Warning', reason: 'UserDataSecretNotFound', action: 'Scheduling' }])
    expect(bench.writes).toEqual(['applyStatus servers'])
  })

  it.each([
    ['the Secret', undefined],
    ['the key', { other: '' }],
  ])('is placed without user data when %s is optional and missing', async (_, data) => {
    await using bench = await withHost()
    if (data) await createSecret(bench, data)
    await bench.createServer('web', reference(true))
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1' })
    expect(bench.statusOf().instance).not.toHaveProperty('hasSecretUserData')
    expect(hostSecrets(bench)).toEqual([])
  })

  it('waits with what to do when the controller may not read Secrets', async () => {
    await using bench = await withHost()
    await bench.createServer('web', reference())
    const body = { reason: 'Forbidden', message: 'secrets "s" is forbidden' }
    const get = async () => Promise.reject(new ApiError({ request: 'GET s', status: 403, body }))
    expect(await reconcileServer('demo/web', { ...bench.deps, secrets: { get } })).toMatchObject({ recheckAfter: 200 })
    await bench.fake.waitForCaches()
    expect(scheduled(bench)).toMatchObject({
      reason: 'SecretForbidden',
      message:
        'the controller may not read Secret s: apply its ClusterRole and its binding (crds/access/controller.yaml) again, and the server continues by itself',
    })
  })

  it('is placed only on a host that has published a key', async () => {
    await using bench = await Bench.start()
    await bench.createHost('h0')
    await bench.createHost('h2', { sealingKey: h2.sealingKey, used: {} })
    await prepare(bench)
    await createSecret(bench, { k: base64(USER_DATA) })
    await bench.createServer('web', reference())
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h2' })
    expect(await openedBy(h2, bench)).toBe(USER_DATA)
  })

  it('has no valid host when no host has published a key', async () => {
    await using bench = await Bench.start()
    await bench.createHost('h0')
    await prepare(bench)
    await createSecret(bench, { k: base64(USER_DATA) })
    await bench.createServer('web', reference())
    await bench.reconcile()
    expect(scheduled(bench)?.message).toContain('without a sealing key, which Secrets need')
    expect(hostSecrets(bench)).toEqual([])
  })
})

async function sendWithCache(bench: Bench, cached: HostSecret | undefined, sealingKey = h1.sealingKey): Promise<void> {
  const server = bench.getServer()
  if (!server) throw new Error('there is no Server')
  const stores = {
    hostSecrets: { api: bench.stores.hostSecrets.api, cache: { get: () => cached } },
    hypervisors: { cache: { get: () => ({ status: { sealingKey } }) } },
  }
  await sendUserData(server, 'h1', Buffer.from(USER_DATA), { stores } as unknown as UserDataDeps)
}

describe('the HostSecret of a placed server', () => {
  async function placed(): Promise<Bench> {
    const bench = await withHost()
    await createSecret(bench, { k: base64(USER_DATA) })
    await bench.createServer('web', reference())
    await bench.reconcile()
    return bench
  }

  it('stays as it is while the host builds the server, whatever happens to the Secret', async () => {
    await using bench = await placed()
    await replaceSecret(bench, { k: base64('other') })
    await bench.reportAsAgent(building)
    await bench.reconcile()
    await deleteSecret(bench)
    await bench.reconcile()
    expect(await openedBy(h1, bench)).toBe(USER_DATA)
  })

  it('is deleted when the server is built, and not made again', async () => {
    await using bench = await placed()
    await bench.reportAsAgent(built)
    await bench.reconcile()
    expect(hostSecrets(bench)).toEqual([])
    await bench.reconcile()
    expect(hostSecrets(bench)).toEqual([])
  })

  it('is made again when somebody deletes it too early', async () => {
    await using bench = await placed()
    await bench.stores.hostSecrets.api.delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(await openedBy(h1, bench)).toBe(USER_DATA)
  })

  it('is made again for the new key when the host has lost its key', async () => {
    await using bench = await placed()
    const status = { sealingKey: h2.sealingKey }
    await bench.stores.hypervisors.api.applyStatus(
      { metadata: { name: 'h1' }, status },
      {
        fieldManager: 'kubenova-agent/h1',
      },
    )
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(hostSecrets(bench)).toHaveLength(1)
    expect(await openedBy(h2, bench)).toBe(USER_DATA)
  })

  it('is made again when the host has lost the user data of a server that it has built', async () => {
    await using bench = await placed()
    const lost = { type: 'Ready', status: 'False', reason: 'UserDataNotDelivered', message: '' } as const
    const conditions = [{ ...lost, lastTransitionTime: bench.now() }]
    await bench.reportAsAgent({ ...built, conditions })
    await bench.reconcile()
    expect(await openedBy(h1, bench)).toBe(USER_DATA)
  })

  it('cannot be made again without the Secret: an event tells why, and the Secret is read again later', async () => {
    await using bench = await placed()
    await bench.stores.hostSecrets.api.delete({ name: 'web', namespace: 'demo' })
    await deleteSecret(bench)
    await bench.fake.waitForCaches()
    expect(await bench.reconcile()).toEqual({ kind: 'wait', for: 'its Secret with user data', recheckAfter: 30_000 })
    expect(bench.events).toMatchObject([{ type: 'Warning', reason: 'UserDataSecretNotFound' }])
  })

  it('is for the next host when its first host has rejected the server, with the Secret as it is then', async () => {
    await using bench = await placed()
    await bench.createHost('h2', { sealingKey: h2.sealingKey })
    await replaceSecret(bench, { k: base64('newer') })
    const rejection = { host: 'h1', reason: 'no memory' }
    await bench.reportAsAgent({ ...building, vmState: 'error', hostRejection: rejection })
    await bench.reconcile()
    expect(hostSecrets(bench)).toEqual([])
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h2' })
    expect(hostSecrets(bench)).toMatchObject([{ spec: { host: 'h2' } }])
    expect(await openedBy(h2, bench)).toBe('newer')
  })

  it('is deleted with its Server', async () => {
    await using bench = await placed()
    await bench.api.resource(bench.stores.servers.def.kind).delete({ name: 'web', namespace: 'demo' })
    await bench.api
      .resource(bench.stores.servers.def.kind)
      .patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: null } })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(hostSecrets(bench)).toEqual([])
  })

  it('stays when the cache does not show it yet, and is for this server and the key of its host', async () => {
    await using bench = await placed()
    const before = hostSecrets(bench)
    await sendWithCache(bench, undefined)
    expect(hostSecrets(bench)).toEqual(before)
  })

  it('is replaced when the cache does not show it yet, and it is for another key', async () => {
    await using bench = await placed()
    await sendWithCache(bench, undefined, h2.sealingKey)
    expect(await openedBy(h2, bench)).toBe(USER_DATA)
  })

  it('stays when the cache shows an older one that was deleted', async () => {
    await using bench = await placed()
    const [live] = hostSecrets(bench)
    if (!live) throw new Error('there is no HostSecret')
    const older = { ...live, metadata: { ...live.metadata, uid: 'uid-older' } }
    await sendWithCache(bench, older)
    expect(hostSecrets(bench)).toEqual([live])
  })

  it('is replaced when it belongs to an earlier server with the same name', async () => {
    await using bench = await withHost()
    const owner = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'web', uid: 'uid-earlier' }
    const metadata = { name: 'web', namespace: 'demo', ownerReferences: [owner] }
    const spec = { host: 'h1', sealingKey: h1.sealingKey, sealed: 'a.b.c.d.e' }
    await bench.stores.hostSecrets.api.create({ metadata, spec })
    await createSecret(bench, { k: base64(USER_DATA) })
    await bench.createServer('web', reference())
    await bench.reconcile()
    expect(await openedBy(h1, bench)).toBe(USER_DATA)
  })
})

describe('a controller that is killed while it places a server with user data from a Secret', () => {
  it.each([
    [0, 'before'],
    [0, 'after'],
    [1, 'before'],
    [1, 'after'],
  ] as const)('is continued by the next when it ends at write %i, %s its effect', async (at, when) => {
    await using first = await withHost()
    await createSecret(first, { k: base64(USER_DATA) })
    await first.createServer('web', reference())
    await using dying = await Bench.start(first.api, new Life().killAt(at, when))
    await expect(dying.reconcile()).rejects.toThrow(Killed)
    await using next = await Bench.start(first.api)
    for (let i = 0; i < 3; i++) await next.reconcile()
    expect(next.statusOf()).toMatchObject({ host: 'h1', instance: { hasSecretUserData: true } })
    expect(hostSecrets(next)).toMatchObject([{ metadata: { name: 'web', namespace: 'demo' } }])
    expect(await openedBy(h1, next)).toBe(USER_DATA)
  })

  it('has the newest Secret sent when the Secret has changed before the next starts', async () => {
    await using first = await withHost()
    await createSecret(first, { k: base64(USER_DATA) })
    await first.createServer('web', reference())
    await using dying = await Bench.start(first.api, new Life().killAt(0, 'after'))
    await expect(dying.reconcile()).rejects.toThrow(Killed)
    await replaceSecret(first, { k: base64('newer') })
    await using next = await Bench.start(first.api)
    await next.reconcile()
    expect(await openedBy(h1, next)).toBe('newer')
  })
})
