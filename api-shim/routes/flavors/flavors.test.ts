import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Flavor } from '../../../crds/index.ts'
import { flavors } from '../../state/stores.ts'
import { type AskOptions, TestShim } from '../../testing.ts'

let shim: TestShim
let other: string

beforeAll(async () => {
  shim = await new TestShim().start()
  other = shim.callerOf('other')?.project?.id ?? ''
  const seed = (name: string, spec: object): Promise<Flavor> =>
    shim.seed<Flavor>(flavors.kind, { metadata: { name }, spec })
  await seed('f-wide', { vcpus: 4, ram: 2048, disk: 10, extraSpecs: { 'hw:cpu_policy': 'shared' } })
  await seed('f-tiny', { vcpus: 1, ram: 512, disk: 1 })
  await seed('f-secret', { vcpus: 1, ram: 512, disk: 1, isPublic: false })
})
afterAll(() => shim[Symbol.asyncDispose]())

const ask = (method: string, path: string, options: AskOptions = {}) =>
  shim.ask(method, `/compute/v2.1/flavors${path}`, { as: 'admin', ...options })

const create = (flavor: object, version = '2.104') => ask('POST', '', { version, body: { flavor } })
const small = { ram: 64, disk: 1, vcpus: 1 }

test('flavors:create answers with the flavor when the version is 2.1', async () => {
  const { status, body } = await create({ name: 'x', id: 'x-1', swap: 1, rxtx_factor: '1.5', ...small }, '2.1')
  expect(status).toBe(200)
  expect(body).toEqual({
    flavor: {
      id: 'x-1',
      name: 'x',
      ram: 64,
      disk: 1,
      swap: 1,
      'OS-FLV-EXT-DATA:ephemeral': 0,
      'OS-FLV-DISABLED:disabled': false,
      vcpus: 1,
      'os-flavor-access:is_public': true,
      rxtx_factor: 1.5,
      links: [
        { rel: 'self', href: 'http://localhost:80/compute/v2.1/flavors/x-1' },
        { rel: 'bookmark', href: 'http://localhost:80/compute/flavors/x-1' },
      ],
    },
  })
})

test('flavors:create keeps an ID that cannot be the name of an object', async () => {
  expect((await create({ name: 'minus', id: -1, ...small })).body).toMatchObject({ flavor: { id: '-1' } })
  expect((await ask('GET', '/-1')).body).toMatchObject({ flavor: { id: '-1', name: 'minus' } })
  expect((await create({ name: 'Big One', id: 'Big_One 1', ...small })).status).toBe(200)
  expect((await ask('GET', '/Big_One%201')).body).toMatchObject({ flavor: { name: 'Big One' } })
})

test('flavors:create answers 409 to the second of two requests with one ID, also when no cache has the first', async () => {
  shim.interfere([() => create({ name: 'one', id: 'Twice 1', ...small })], 'create')
  const { status, body } = await create({ name: 'two', id: 'Twice 1', ...small })
  expect([status, body]).toMatchObject([
    409,
    { conflictingRequest: { message: 'Flavor with ID Twice 1 already exists.' } },
  ])
})

test('flavors:create makes an ID when the client gives none', async () => {
  const { body } = await create({ name: 'auto', id: null, ...small })
  expect((body as unknown as { flavor: { id: string } }).flavor.id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
})

test.each([
  [{ name: 'new', id: 'f-tiny', ...small }, 409, 'Flavor with ID f-tiny already exists.'],
  [{ name: 'f-tiny', id: 'new', ...small }, 409, 'Flavor with name f-tiny already exists.'],
  [{ name: 'y', id: '', ...small }, 400, "Invalid input for field/attribute id. Value: . '' should be non-empty"],
  [
    { name: 'y', id: ' ', ...small },
    400,
    "Invalid input for field/attribute id. Value:  . ' ' does not match '^(?! )[a-zA-Z0-9. _-]+(?<! )$'",
  ],
  [
    { name: 'y', ...small, ram: 0 },
    400,
    'Invalid input for field/attribute ram. Value: 0. 0 is less than the minimum of 1',
  ],
  [
    { name: 'y', ...small, disk: 'x' },
    400,
    "Invalid input for field/attribute disk. Value: x. 'x' does not match '^[0-9]+$'",
  ],
  [
    { name: ' x ', ...small },
    400,
    "An invalid 'name' value was provided. The name must be: printable characters. Can not start or end with whitespace.",
  ],
])('flavors:create rejects %j', async (flavor, code, message) => {
  const { status, body } = await create(flavor)
  expect(status).toBe(code)
  expect(Object.values(body)).toEqual([{ code, message }])
})

test('flavors:create rejects a factor of zero before 2.102', async () => {
  expect((await create({ name: 'y', ...small, rxtx_factor: 0 }, '2.101')).body).toMatchObject({
    badRequest: {
      message: 'Invalid input for field/attribute rxtx_factor. Value: 0. 0 is less than or equal to the minimum of 0',
    },
  })
})

test('flavors:create is forbidden to members', async () => {
  const { body } = await ask('POST', '', { as: 'member', body: { flavor: { name: 'no', ...small } } })
  expect(body).toEqual({
    forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed." },
  })
})

test('flavors:update changes the description from 2.55 on', async () => {
  const body = { flavor: { description: 'new' } }
  expect((await ask('PUT', '/f-wide', { version: '2.54', body })).status).toBe(404)
  expect((await ask('PUT', '/f-wide', { version: '2.55', body })).body).toMatchObject({
    flavor: { description: 'new' },
  })
  const removed = await ask('PUT', '/f-wide', { version: '2.55', body: { flavor: { description: null } } })
  expect(removed.body).toMatchObject({ flavor: { description: null } })
})

test('flavors:delete answers 202, and then 404', async () => {
  await create({ name: 'gone', id: 'gone', ...small })
  expect((await ask('DELETE', '/gone')).status).toBe(202)
  expect((await ask('DELETE', '/gone')).body).toEqual({
    itemNotFound: { code: 404, message: 'Flavor gone could not be found.' },
  })
})

test('flavors:list filters by name from 2.102 on, and sorts by one key', async () => {
  const idsOf = async (query: string, version = '2.104'): Promise<string[]> => {
    const { body } = await ask('GET', `?${query}`, { version })
    return (body as unknown as { flavors: { id: string }[] }).flavors
      .map(({ id }) => id)
      .filter((id) => id.startsWith('f-'))
  }
  expect(await idsOf('name=tiny')).toEqual(['f-tiny'])
  expect(await idsOf('name=tiny', '2.1')).toEqual(['f-tiny', 'f-wide'])
  expect(await idsOf('is_public=None&sort_key=memory_mb&sort_dir=desc')).toEqual(['f-wide', 'f-secret', 'f-tiny'])
  expect(await idsOf('is_public=false')).toEqual(['f-secret'])
  expect((await ask('GET', '?sort_dir=bogus')).body).toMatchObject({
    badRequest: {
      message: "Invalid input for query parameters sort_dir. Value: bogus. 'bogus' is not one of ['asc', 'desc']",
    },
  })
})

test('flavor-access opens a flavor to a project, and closes it again', async () => {
  const action = (key: string, tenant: string) => ask('POST', '/f-secret/action', { body: { [key]: { tenant } } })
  const asOther = () => ask('GET', '/f-secret', { as: 'other' })
  expect((await asOther()).status).toBe(404)
  expect((await action('addTenantAccess', other)).body).toEqual({
    flavor_access: [{ flavor_id: 'f-secret', tenant_id: other }],
  })
  expect((await asOther()).status).toBe(200)
  expect((await ask('GET', '/f-secret/os-flavor-access')).body).toEqual({
    flavor_access: [{ flavor_id: 'f-secret', tenant_id: other }],
  })
  expect((await action('addTenantAccess', other)).body).toMatchObject({
    conflictingRequest: {
      message: `Flavor access already exists for flavor f-secret and project ${other} combination.`,
    },
  })
  expect((await action('removeTenantAccess', other)).body).toEqual({ flavor_access: [] })
  expect((await action('removeTenantAccess', 'bogus')).body).toMatchObject({
    itemNotFound: { message: 'Flavor access not found for f-secret / bogus combination.' },
  })
  expect((await action('addTenantAccess', 'bogus')).body).toMatchObject({
    badRequest: { message: 'Project ID bogus is not a valid project.' },
  })
  expect((await asOther()).status).toBe(404)
})

test('flavor-access has no list for a public flavor', async () => {
  expect((await ask('GET', '/f-tiny/os-flavor-access')).body).toEqual({
    itemNotFound: { code: 404, message: 'Access list not available for public flavors.' },
  })
})

test('flavor-extra-specs are added, changed and removed', async () => {
  const path = '/f-tiny/os-extra_specs'
  const added = { extra_specs: { mine: 'v', 'quota:cpu_shares': 512 } }
  expect((await ask('POST', path, { body: added })).body).toEqual(added)
  expect((await ask('PUT', `${path}/mine`, { body: { mine: 1 } })).body).toEqual({ mine: 1 })
  expect((await ask('GET', path, { as: 'member' })).body).toEqual({
    extra_specs: { mine: '1', 'quota:cpu_shares': '512' },
  })
  expect((await ask('PUT', `${path}/mine`, { body: { other: 'w' } })).body).toMatchObject({
    badRequest: { message: 'Request body and URI mismatch' },
  })
  expect((await ask('DELETE', `${path}/mine`)).status).toBe(200)
  expect((await ask('GET', `${path}/mine`)).body).toMatchObject({
    itemNotFound: { message: 'Flavor f-tiny has no extra specs with key mine.' },
  })
})

test.each([
  ['hw:cpu_policy', 'bogus', "Validation failed; 'bogus' is not one of: dedicated, shared, mixed."],
  ['hw:bogus', 'x', "Validation failed; extra spec 'hw:bogus' does not appear to be a valid extra spec."],
  ['hw:numa_nodes', '0', "Validation failed; '0' is less than the min value of '1'."],
  ['trait:bogus', 'maybe', "Validation failed; extra spec 'trait:bogus' does not appear to be a valid extra spec."],
  ['resources:VCPU', 'x', "Validation failed; 'x' is not a valid integer value."],
])('flavor-extra-specs:create rejects %s=%s from 2.86 on', async (key, value, message) => {
  const { body } = await ask('POST', '/f-tiny/os-extra_specs', {
    version: '2.86',
    body: { extra_specs: { [key]: value } },
  })
  expect(body).toEqual({ badRequest: { code: 400, message } })
})

test('flavor-extra-specs:create takes keys of other namespaces as they are', async () => {
  const body = { extra_specs: { 'other:thing': 'x', 'hw:numa_nodes': '2', 'trait:CUSTOM_X': 'required' } }
  expect((await ask('POST', '/f-wide/os-extra_specs', { version: '2.104', body })).body).toEqual(body)
})
