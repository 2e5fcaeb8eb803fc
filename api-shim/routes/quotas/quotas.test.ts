import { afterAll, beforeAll, expect, test } from 'vitest'
import { flavors, servers } from '../../state/stores.ts'
import { type AskOptions, TestShim } from '../../testing.ts'

let shim: TestShim
let mine: string
let other: string
beforeAll(async () => {
  shim = await new TestShim().start()
  mine = shim.callerOf('member')?.project?.id ?? ''
  other = shim.callerOf('other')?.project?.id ?? ''
  await shim.seed(flavors.kind, { metadata: { name: 'tiny' }, spec: { vcpus: 2, ram: 512, disk: 1 } })
  await shim.seed(servers.kind, {
    metadata: { name: 'a', namespace: 'mine', annotations: { 'compute.kubenova.io/user-id': 'id-of-member' } },
    spec: { flavor: 'tiny', image: { name: 'guest' } },
  })
})
afterAll(() => shim[Symbol.asyncDispose]())

const ask = (method: string, path: string, options: AskOptions = {}) =>
  shim.ask(method, `/compute/v2.1${path}`, { version: '2.104', ...options })
const put = (path: string, body: object, options: AskOptions = {}) =>
  ask('PUT', path, { as: 'admin', body, ...options })

const defaults = {
  cores: 20,
  instances: 10,
  key_pairs: 100,
  metadata_items: 128,
  ram: 51_200,
  server_group_members: 10,
  server_groups: 10,
}

test('limits shows the limits of the project and what its servers use', async () => {
  expect((await ask('GET', '/limits')).body).toEqual({
    limits: {
      rate: [],
      absolute: {
        maxTotalCores: 20,
        maxTotalInstances: 10,
        maxTotalKeypairs: 100,
        maxServerMeta: 128,
        maxTotalRAMSize: 51_200,
        maxServerGroups: 10,
        maxServerGroupMembers: 10,
        totalRAMUsed: 512,
        totalCoresUsed: 2,
        totalInstancesUsed: 1,
        totalServerGroupsUsed: 0,
      },
    },
  })
})

test('limits of another project are for administrators', async () => {
  expect((await ask('GET', `/limits?tenant_id=${other}`)).body).toEqual({
    forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:limits:other_project to be performed." },
  })
  const { body } = await ask('GET', `/limits?tenant_id=${other}`, { as: 'admin' })
  expect(body).toMatchObject({ limits: { absolute: { totalInstancesUsed: 0 } } })
})

test('quota-sets:show hides the resources of the network from 2.36 on, and files from 2.57 on', async () => {
  const keysAt = async (version: string): Promise<number> => {
    const { body } = await ask('GET', `/os-quota-sets/${mine}`, { version })
    return Object.keys((body as unknown as { quota_set: object }).quota_set).length
  }
  expect([await keysAt('2.1'), await keysAt('2.36'), await keysAt('2.57')]).toEqual([15, 11, 8])
})

test('quota-sets:show of another project is forbidden', async () => {
  expect((await ask('GET', `/os-quota-sets/${other}`)).body).toEqual({
    forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed." },
  })
})

test('quota-sets:detail counts what is in use', async () => {
  const { body } = await ask('GET', `/os-quota-sets/${mine}/detail`)
  expect(body).toMatchObject({
    quota_set: {
      id: mine,
      cores: { limit: 20, in_use: 2, reserved: 0 },
      ram: { limit: 51_200, in_use: 512, reserved: 0 },
      key_pairs: { limit: 100, in_use: 0, reserved: 0 },
    },
  })
})

test('quota-sets:update stores limits until they are deleted', async () => {
  const path = `/os-quota-sets/${other}`
  expect((await put(path, { quota_set: { instances: '12' } })).body).toEqual({
    quota_set: { ...defaults, instances: 12 },
  })
  expect((await put(path, { quota_set: { cores: -1 } })).body).toEqual({
    quota_set: { ...defaults, instances: 12, cores: -1 },
  })
  expect(shim.api.list('configmaps')).toMatchObject([
    { metadata: { name: 'kubenova-quota', namespace: 'other' }, data: { project: '{"":{"instances":12,"cores":-1}}' } },
  ])
  expect((await ask('DELETE', path, { as: 'admin' })).status).toBe(202)
  expect((await ask('GET', path, { as: 'other' })).body).toEqual({ quota_set: { id: other, ...defaults } })
})

test.each([
  [{ instances: 0 }, '', 'Quota limit 0 for instances must be greater than or equal to already used and reserved 1.'],
  [{ instances: 300 }, '?user_id=id-of-member', 'Quota limit 300 for instances must be less than or equal to 10.'],
  [{ instances: 'x' }, '', "Invalid input for field/attribute instances. Value: x. 'x' does not match '^-?[0-9]+$'"],
  [
    { networks: 1 },
    '',
    "Invalid input for field/attribute quota_set. Value: {'networks': 1}. Additional properties are not allowed ('networks' was unexpected)",
  ],
])('quota-sets:update rejects %j %s', async (quota, query, message) => {
  expect((await put(`/os-quota-sets/${mine}${query}`, { quota_set: quota })).body).toEqual({
    badRequest: { code: 400, message },
  })
})

test('quota-sets:update takes a limit below the usage by force', async () => {
  const path = `/os-quota-sets/${mine}`
  expect((await put(path, { quota_set: { instances: 0, force: true } })).body).toMatchObject({
    quota_set: { instances: 0 },
  })
  await ask('DELETE', path, { as: 'admin' })
})

test('quota-sets of an unknown project are a 400', async () => {
  expect((await put('/os-quota-sets/bogus', { quota_set: {} })).body).toEqual({
    badRequest: { code: 400, message: 'Project ID bogus is not a valid project.' },
  })
  expect((await ask('DELETE', '/os-quota-sets/bogus', { as: 'admin' })).status).toBe(202)
})

test('quota-sets:defaults tells only administrators that a project does not exist', async () => {
  expect((await ask('GET', '/os-quota-sets/bogus/defaults')).body).toEqual({ quota_set: { id: 'bogus', ...defaults } })
  expect((await ask('GET', '/os-quota-sets/bogus/defaults', { as: 'admin' })).status).toBe(400)
})

test('quota-class-sets:update of the class default changes the defaults of all projects', async () => {
  const { body } = await put('/os-quota-class-sets/default', { quota_class_set: { key_pairs: 1 } })
  expect(body).toEqual({ quota_class_set: { ...defaults, key_pairs: 1 } })
  expect((await ask('GET', `/os-quota-sets/${mine}/defaults`)).body).toMatchObject({ quota_set: { key_pairs: 1 } })
  const keypair = { public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHpRQlpyGLTVtxoTJf0hOshm2ucTlIKQebdrlqhCFxX1' }
  const create = (name: string) => ask('POST', '/os-keypairs', { body: { keypair: { name, ...keypair } } })
  expect((await create('q1')).status).toBe(201)
  expect((await create('q2')).body).toEqual({
    forbidden: { code: 403, message: 'Quota exceeded, too many key pairs.' },
  })
})

test('quota-class-sets are for administrators', async () => {
  expect((await ask('GET', '/os-quota-class-sets/default')).body).toEqual({
    forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:os-quota-class-sets:show to be performed." },
  })
})
