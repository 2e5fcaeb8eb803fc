import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Hypervisor } from '../../../crds/index.ts'
import { type Lease, leases } from '../../../kube/builtin-kinds.ts'
import { aggregates, hypervisors, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

const OS_SERVICES = '/compute/v2.1/os-services'

interface Service {
  id: number | string
  binary: string
  host: string
  zone: string
  status: string
  state: string
  updated_at: string | null
  disabled_reason: string | null
  forced_down?: boolean
}

let shim: TestShim

const seedHost = (name: string): Promise<unknown> =>
  shim.seed(hypervisors.kind, { metadata: { name }, spec: {}, status: { state: 'up' } })

const seedLease = (name: string, holderIdentity: string, renewTime: string): Promise<unknown> =>
  shim.api.resource<Lease>(leases).create({
    metadata: { name, namespace: 'kubenova-system' },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime },
  })

const list = async (query = '', version = '2.53'): Promise<Service[]> =>
  (await shim.ask<{ services: Service[] }>('GET', `${OS_SERVICES}${query}`, { as: 'admin', version })).body.services

const uuidOf = async (host: string): Promise<string> => String((await list(`?host=${host}`))[0]?.id)

beforeEach(async () => {
  shim = await new TestShim().start()
  await seedHost('host-1')
  await seedHost('host-2')
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('GET /os-services', () => {
  it('shows a nova-compute for each host and the controller as conductor and scheduler', async () => {
    await seedLease('host-1', 'host-1_1a2b', '2026-01-02T03:04:05.000000Z')
    await seedLease('kubenova-controller', 'controller-0_9f8e', '2026-01-02T03:04:06.000000Z')
    await shim.seed(aggregates.kind, { metadata: { name: 'a' }, spec: { availabilityZone: 'east', hosts: ['host-2'] } })
    const services = await list()
    expect(services.map(({ binary, host, zone, state }) => [binary, host, zone, state])).toEqual([
      ['nova-conductor', 'controller-0', 'internal', 'down'],
      ['nova-scheduler', 'controller-0', 'internal', 'down'],
      ['nova-compute', 'host-1', 'nova', 'up'],
      ['nova-compute', 'host-2', 'east', 'up'],
    ])
    expect(services[2]).toMatchObject({
      status: 'enabled',
      updated_at: '2026-01-02T03:04:05.000000',
      disabled_reason: null,
      forced_down: false,
    })
    expect(services[3]?.updated_at).toBeNull()
  })

  it('filters by host and binary, and has numbers as IDs and no forced_down at 2.1', async () => {
    const services = await list('?host=host-2&binary=nova-compute', '2.1')
    expect(services).toHaveLength(1)
    expect(services[0]?.id).toBeTypeOf('number')
    expect(services[0]).not.toHaveProperty('forced_down')
    expect(await list('?binary=bogus')).toEqual([])
  })

  it('drops unknown parameters before 2.75 and refuses them since', async () => {
    expect((await shim.ask('GET', `${OS_SERVICES}?bogus=1`, { as: 'admin', version: '2.74' })).status).toBe(200)
    expect(await shim.ask('GET', `${OS_SERVICES}?bogus=1`, { as: 'admin', version: '2.75' })).toMatchObject({
      status: 400,
      body: { badRequest: { message: "Additional properties are not allowed ('bogus' was unexpected)" } },
    })
  })

  it('is for administrators', async () => {
    expect(await shim.ask('GET', OS_SERVICES, { as: 'manager' })).toMatchObject({
      status: 403,
      body: { forbidden: { message: "Policy doesn't allow os_compute_api:os-services:list to be performed." } },
    })
  })
})

describe('PUT /os-services/{service_id} before 2.53', () => {
  const body = { host: 'host-2', binary: 'nova-compute' }
  const put = (operation: string, more: object = {}, version = '2.52') =>
    shim.ask('PUT', `${OS_SERVICES}/${operation}`, { as: 'admin', version, body: { ...body, ...more } })

  it('disables a host with a reason and enables it again', async () => {
    expect((await put('disable-log-reason', { disabled_reason: 'broken' })).body).toEqual({
      service: { ...body, status: 'disabled', disabled_reason: 'broken' },
    })
    expect(shim.api.list('hypervisors')[1]).toMatchObject({ spec: { disabled: true, disabledReason: 'broken' } })
    expect((await put('enable')).body).toEqual({ service: { ...body, status: 'enabled' } })
    expect((await list('?host=host-2'))[0]).toMatchObject({ status: 'enabled', disabled_reason: null })
  })

  it('forces a host down since 2.11', async () => {
    expect((await put('force-down', { forced_down: true })).body).toEqual({ service: { ...body, forced_down: true } })
    expect((await list('?host=host-2'))[0]).toMatchObject({ state: 'down', forced_down: true })
    expect(await put('force-down', {}, '2.10')).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: 'Unknown action' } },
    })
  })

  it('answers with what is missing or unknown', async () => {
    expect((await put('disable-log-reason')).body).toMatchObject({
      badRequest: { message: 'Missing disabled reason field' },
    })
    expect((await put('enable', { binary: 'nova-x' })).body).toMatchObject({
      badRequest: {
        message: 'Updating a nova-x service is not supported. Only nova-compute services can be updated.',
      },
    })
    expect(await put('enable', { host: 'nowhere' })).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: "Host 'nowhere' is not mapped to any cell" } },
    })
  })
})

describe('PUT /os-services/{service_id} since 2.53', () => {
  const put = (id: string, body: object, as = 'admin') =>
    shim.ask('PUT', `${OS_SERVICES}/${id}`, { as, version: '2.53', body })

  it('changes status and forced_down and shows the service', async () => {
    const id = await uuidOf('host-2')
    expect((await put(id, { status: 'disabled', forced_down: 'true' })).body).toMatchObject({
      service: { id, host: 'host-2', status: 'disabled', state: 'down', disabled_reason: null, forced_down: true },
    })
  })

  it('refuses a reason for an enabled service, and a body without a change', async () => {
    const id = await uuidOf('host-1')
    expect((await put(id, { status: 'enabled', disabled_reason: 'x' })).body).toMatchObject({
      badRequest: { message: "Specifying 'disabled_reason' with status 'enabled' is invalid." },
    })
    expect((await put(id, {})).body).toMatchObject({
      badRequest: {
        message: "No updates were requested. Fields 'status' or 'forced_down' should be specified.",
      },
    })
  })

  it('checks the form of the ID before the role', async () => {
    expect((await put('bogus', { status: 'enabled' }, 'member')).body).toMatchObject({
      badRequest: { message: 'Invalid uuid bogus' },
    })
    expect((await put(await uuidOf('host-1'), { status: 'enabled' }, 'member')).status).toBe(403)
  })
})

describe('DELETE /os-services/{service_id}', () => {
  const remove = (id: string, version = '2.53') => shim.ask('DELETE', `${OS_SERVICES}/${id}`, { as: 'admin', version })

  it('removes the host from its aggregates and forgets it', async () => {
    const hosts = ['host-1', 'host-2']
    await shim.seed(aggregates.kind, { metadata: { name: 'a' }, spec: { hosts } })
    expect(await remove(await uuidOf('host-2'))).toMatchObject({ status: 204, body: '' })
    expect(shim.api.list<Hypervisor>('hypervisors').map(({ metadata }) => metadata.name)).toEqual(['host-1'])
    expect(shim.api.list('hostaggregates')[0]).toMatchObject({ spec: { hosts: ['host-1'] } })
  })

  it('refuses a host with servers', async () => {
    await shim.seed(servers.kind, {
      metadata: { name: 's', namespace: 'mine' },
      spec: { flavor: 'f', image: { name: 'i' } },
      status: { host: 'host-1', vmState: 'active' },
    })
    expect(await remove(await uuidOf('host-1'))).toMatchObject({
      status: 409,
      body: {
        conflictingRequest: {
          message: 'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
        },
      },
    })
  })

  it('checks the form of the ID', async () => {
    expect((await remove('bogus')).body).toMatchObject({ badRequest: { message: 'Invalid uuid bogus' } })
    expect((await remove('bogus', '2.52')).body).toMatchObject({
      badRequest: { message: 'Invalid input received: id must be an integer' },
    })
    expect((await remove('99999', '2.52')).body).toMatchObject({
      itemNotFound: { message: 'Service 99999 not found.' },
    })
  })
})
