import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hypervisors, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

const PATH = '/compute/v2.1/os-aggregates'

interface Aggregate {
  id: number
  uuid?: string
  name: string
  hosts: string[]
  metadata: Record<string, string>
  availability_zone: string | null
  created_at: string
  updated_at: string | null
}

let shim: TestShim

const ask = (method: string, path = '', body?: unknown, version = '2.1') =>
  shim.ask<{ aggregate: Aggregate; badRequest: { message: string }; conflictingRequest: { message: string } }>(
    method,
    `${PATH}${path}`,
    { as: 'admin', version, body },
  )
const create = async (name: string, zone?: string): Promise<number> =>
  (await ask('POST', '', { aggregate: { name, ...(zone === undefined ? {} : { availability_zone: zone }) } })).body
    .aggregate.id
const act = (id: number, body: object) => ask('POST', `/${id}/action`, body)

beforeEach(async () => {
  shim = await new TestShim().start()
  for (const name of ['host-1', 'host-2'])
    await shim.seed(hypervisors.kind, { metadata: { name }, spec: {}, status: { state: 'up' } })
})
afterEach(() => shim[Symbol.asyncDispose]())

const seedServer = (host: string): Promise<unknown> =>
  shim.seed(servers.kind, {
    metadata: { name: 's', namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' } },
    status: { host, vmState: 'active' },
  })

describe('POST /os-aggregates', () => {
  it('creates an aggregate with any name, and answers without hosts and metadata', async () => {
    const { status, body } = await ask('POST', '', { aggregate: { name: 'Rack 1', availability_zone: 'east' } }, '2.41')
    expect(status).toBe(200)
    expect(Object.keys(body.aggregate).toSorted()).toEqual([
      'availability_zone',
      'created_at',
      'deleted',
      'deleted_at',
      'id',
      'name',
      'updated_at',
      'uuid',
    ])
    expect(body.aggregate).toMatchObject({ name: 'Rack 1', availability_zone: 'east', updated_at: null })
    expect(shim.api.list('hostaggregates')[0]).toMatchObject({ spec: { availabilityZone: 'east', hosts: [] } })
  })

  it('refuses the second of two requests with one name, also when no cache has the first', async () => {
    shim.interfere([() => create('Rack 1')], 'create')
    const { status, body } = await ask('POST', '', { aggregate: { name: 'Rack 1' } })
    expect([status, body.conflictingRequest.message]).toEqual([409, 'Aggregate Rack 1 already exists.'])
  })

  it('takes the former name of an aggregate that was renamed', async () => {
    for (const [before, after] of [
      ['Rack 1', 'b'],
      ['rack', 'c'],
    ] as const) {
      const id = await create(before)
      await ask('PUT', `/${id}`, { aggregate: { name: after } })
      expect((await ask('POST', '', { aggregate: { name: before } })).status).toBe(200)
    }
  })

  it('refuses a name that is taken', async () => {
    await create('agg')
    expect(await ask('POST', '', { aggregate: { name: 'agg' } })).toMatchObject({
      status: 409,
      body: { conflictingRequest: { message: 'Aggregate agg already exists.' } },
    })
  })

  it('has the text of Nova for a bad zone', async () => {
    const { body } = await ask('POST', '', { aggregate: { name: 'b', availability_zone: '' } })
    expect(body.badRequest.message).toBe(
      "Invalid input for field/attribute availability_zone. Value: . '' is not valid under any of the given schemas",
    )
  })
})

describe('hosts of an aggregate', () => {
  it('are added and removed once', async () => {
    const id = await create('agg')
    expect((await act(id, { add_host: { host: 'host-2' } })).body.aggregate.hosts).toEqual(['host-2'])
    expect((await act(id, { add_host: { host: 'host-2' } })).body.conflictingRequest.message).toBe(
      `Aggregate ${id} already has host host-2.`,
    )
    expect((await act(id, { remove_host: { host: 'host-2' } })).body.aggregate.hosts).toEqual([])
    expect(await act(id, { remove_host: { host: 'host-2' } })).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: `Cannot remove host host-2 in aggregate ${id}` } },
    })
  })

  it('must exist', async () => {
    const id = await create('agg')
    expect(await act(id, { add_host: { host: 'nowhere' } })).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: "Host 'nowhere' is not mapped to any cell" } },
    })
  })

  it('cannot be in two zones', async () => {
    const first = await create('a', 'east')
    await act(first, { add_host: { host: 'host-1' } })
    const second = await create('b', 'west')
    expect((await act(second, { add_host: { host: 'host-1' } })).body.conflictingRequest.message).toBe(
      `Cannot add host to aggregate ${second}. Reason: One or more hosts already in availability zone(s) ['east'].`,
    )
  })

  it('do not take servers into another zone', async () => {
    await seedServer('host-1')
    const id = await create('a', 'east')
    const { status, body } = await act(id, { add_host: { host: 'host-1' } })
    expect(status).toBe(409)
    expect(body.conflictingRequest.message).toBe(
      `Cannot add host to aggregate ${id}. Reason: The host cannot be added to the aggregate as the availability zone ` +
        "of the host would change from 'None' to 'east' but the host already has 1 instance(s). Changing the AZ of an " +
        'existing instance is not supported by this action. Move the instances away from this host then try again. If ' +
        'you need to move the instances between AZs then you can use shelve_offload and unshelve to achieve this..',
    )
  })
})

describe('set_metadata', () => {
  it('adds, changes and removes keys, and sets the zone', async () => {
    const id = await create('agg')
    await act(id, { set_metadata: { metadata: { a: '1', b: '2' } } })
    const { body } = await act(id, { set_metadata: { metadata: { a: null, n: null, availability_zone: 'east' } } })
    expect(body.aggregate).toMatchObject({
      metadata: { b: '2', availability_zone: 'east' },
      availability_zone: 'east',
      updated_at: expect.stringMatching(/^\d{4}-.*\.\d{6}$/) as string,
    })
    expect(body.aggregate.metadata).not.toHaveProperty('a')
  })

  it('refuses an empty zone, and a new zone for hosts with servers', async () => {
    const id = await create('agg')
    await act(id, { add_host: { host: 'host-1' } })
    await seedServer('host-1')
    const set = async (zone: string) =>
      (await act(id, { set_metadata: { metadata: { availability_zone: zone } } })).body.badRequest.message
    expect(await set('')).toBe(
      `Cannot update metadata of aggregate ${id}. Reason: Aggregate agg does not support empty named availability zone.`,
    )
    expect(await set('zone-y')).toBe(
      `Cannot update metadata of aggregate ${id}. Reason: One or more hosts contain instances in this zone.`,
    )
  })
})

describe('PUT and DELETE /os-aggregates/{aggregate_id}', () => {
  it('renames, and keeps the name if the zone is refused', async () => {
    const id = await create('agg')
    expect((await ask('PUT', `/${id}`, { aggregate: { name: ' pad ' } })).body.aggregate.name).toBe('pad')
    const { body } = await ask('PUT', `/${id}`, { aggregate: { name: 'other', availability_zone: null } })
    expect(body.badRequest.message).toBe(
      `Cannot update aggregate ${id}. Reason: Aggregate other does not support empty named availability zone.`,
    )
    expect((await ask('GET', `/${id}`)).body.aggregate.name).toBe('other')
  })

  it('deletes only an aggregate without hosts', async () => {
    const id = await create('agg')
    await act(id, { add_host: { host: 'host-1' } })
    expect((await ask('DELETE', `/${id}`)).body.badRequest.message).toBe(
      `Cannot remove host from aggregate ${id}. Reason: Host aggregate is not empty.`,
    )
    await act(id, { remove_host: { host: 'host-1' } })
    expect(await ask('DELETE', `/${id}`)).toMatchObject({ status: 200, body: '' })
    expect((await ask('GET', `/${id}`)).status).toBe(404)
  })

  it('needs a number', async () => {
    expect((await ask('GET', '/bogus')).body.badRequest.message).toBe('Invalid input received: id must be an integer')
    expect(await ask('GET', '/-1')).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: 'Aggregate -1 could not be found.' } },
    })
  })
})

describe('POST /os-aggregates/{aggregate_id}/images', () => {
  const image = { id: '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f' }
  const cache = (id: number, images: object[], version = '2.81') =>
    ask('POST', `/${id}/images`, { cache: images }, version)

  it('is accepted since 2.81, but not with the same image twice', async () => {
    const id = await create('agg')
    expect((await cache(id, [image], '2.80')).status).toBe(404)
    expect(await cache(id, [image])).toMatchObject({ status: 202, body: '' })
    expect((await cache(id, [image, image])).body.badRequest.message).toBe('Duplicate images in request')
  })
})

it('adds two hosts that are added at the same time', async () => {
  const id = await create('rack')
  const answers = await Promise.all(['host-1', 'host-2'].map((host) => act(id, { add_host: { host } })))
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect((await ask('GET', `/${id}`)).body.aggregate.hosts.toSorted()).toEqual(['host-1', 'host-2'])
})
