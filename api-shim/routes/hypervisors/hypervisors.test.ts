import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hypervisors, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

const PATH = '/compute/v2.1/os-hypervisors'

interface Row {
  [key: string]: unknown
  id: string | number
  hypervisor_hostname: string
}

let shim: TestShim

const status = {
  state: 'up',
  hostIP: '192.0.2.7',
  arch: 'x86_64',
  qemuVersion: '8.2.2',
  capacity: { vcpus: 16, ram: 65_536, disk: 400 },
  used: { vcpus: 4, ram: 2048, disk: 20 },
  cpu: { model: 'EPYC', vendor: 'AMD', sockets: 1, cores: 8, threads: 2, features: ['avx'] },
}

const get = (path: string, version = '2.53', as = 'admin') =>
  shim.ask<{ hypervisors: Row[]; hypervisor: Row; hypervisor_statistics: Row }>('GET', `${PATH}${path}`, {
    as,
    version,
  })

beforeEach(async () => {
  shim = await new TestShim().start()
  for (const name of ['host-1', 'host-2']) await shim.seed(hypervisors.kind, { metadata: { name }, spec: {}, status })
  await shim.seed(servers.kind, {
    metadata: { name: 's', namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' } },
    status: { host: 'host-1', vmState: 'active', domain: { name: 'instance-00000001' } },
  })
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('GET /os-hypervisors', () => {
  it('shows numbers as IDs before 2.53 and UUIDs since', async () => {
    const [old] = (await get('', '2.52')).body.hypervisors
    expect(old).toEqual({
      id: expect.any(Number) as number,
      hypervisor_hostname: 'host-1',
      state: 'up',
      status: 'enabled',
    })
    const [now] = (await get('')).body.hypervisors
    expect(now?.id).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('has pages since 2.33 and finds the marker by either ID', async () => {
    const all = (await get('', '2.33')).body.hypervisors
    const { body } = await get('?limit=1', '2.33')
    expect(body).toEqual({
      hypervisors: [all[0]],
      hypervisors_links: [
        { rel: 'next', href: expect.stringMatching(`/os-hypervisors\\?limit=1&marker=${all[0]?.id}$`) as string },
      ],
    })
    expect((await get(`?marker=${all[0]?.id}`)).body.hypervisors.map((row) => row.hypervisor_hostname)).toEqual([
      'host-2',
    ])
    expect(await get('?marker=bogus')).toMatchObject({
      status: 400,
      body: { badRequest: { message: 'marker [bogus] not found' } },
    })
  })

  it('filters by a part of the name, and shows the servers that the client asks for', async () => {
    const { body } = await get('?hypervisor_hostname_pattern=host&with_servers=1', '2.75')
    expect(body.hypervisors.map(({ servers: list }) => list)).toEqual([
      [{ name: 'instance-00000001', uuid: expect.any(String) as string }],
      [],
    ])
    const older = (await get('?with_servers=1', '2.74')).body.hypervisors
    expect(older[1]).not.toHaveProperty('servers')
    expect(await get('?hypervisor_hostname_pattern=bogus')).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: "No hypervisor matching 'bogus' could be found." } },
    })
    expect((await get('?hypervisor_hostname_pattern=host&limit=1')).status).toBe(400)
  })
})

describe('GET /os-hypervisors/detail', () => {
  it('shows resources until 2.87, where the reserve of the host counts as used', async () => {
    const [row] = (await get('/detail', '2.28')).body.hypervisors
    expect(row).toMatchObject({
      hypervisor_type: 'QEMU',
      hypervisor_version: 8_002_002,
      host_ip: '192.0.2.7',
      service: { host: 'host-1', disabled_reason: null },
      vcpus: 16,
      memory_mb: 65_536,
      local_gb: 400,
      vcpus_used: 4,
      memory_mb_used: 2560,
      free_ram_mb: 62_976,
      free_disk_gb: 380,
      running_vms: 1,
      current_workload: 0,
      cpu_info: { arch: 'x86_64', model: 'EPYC', vendor: 'AMD', features: ['avx'] },
    })
    const [first] = (await get('/detail', '2.27')).body.hypervisors
    expect(JSON.parse(String(first?.['cpu_info']))).toMatchObject({ topology: { sockets: 1, cores: 8, threads: 2 } })
  })

  it('shows the uptime instead since 2.88', async () => {
    const [row] = (await get('/detail', '2.88')).body.hypervisors
    expect(row).toMatchObject({ uptime: null })
    expect(row).not.toHaveProperty('vcpus')
  })
})

describe('GET /os-hypervisors/{hypervisor_id}', () => {
  it('needs a UUID since 2.53 and a number before', async () => {
    expect((await get('/host-1')).body).toMatchObject({ badRequest: { message: 'Invalid uuid host-1' } })
    expect(await get('/host-1', '2.52')).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: "Hypervisor with ID 'host-1' could not be found." } },
    })
    const [row] = (await get('', '2.1')).body.hypervisors
    expect((await get(`/${row?.id}`, '2.1')).body.hypervisor.hypervisor_hostname).toBe('host-1')
  })

  it('tells the uptime on a route of its own until 2.87', async () => {
    const [row] = (await get('')).body.hypervisors
    expect(await get(`/${row?.id}/uptime`)).toMatchObject({
      status: 501,
      body: { notImplemented: { message: 'The requested functionality is not supported.' } },
    })
    const bootedAt = new Date(Date.now() - 90_060_000).toISOString()
    await shim.seed(hypervisors.kind, { metadata: { name: 'host-3' }, spec: {}, status: { ...status, bootedAt } })
    const third = (await get('')).body.hypervisors[2]
    expect((await get(`/${third?.id}/uptime`)).body.hypervisor['uptime']).toMatch(/^ \d\d:\d\d:\d\d up 1 day, 1:01$/)
    expect((await get(`/${third?.id}/uptime`, '2.88')).status).toBe(404)
  })
})

describe('routes that later microversions do not have', () => {
  it('search and servers end with 2.52, statistics with 2.87', async () => {
    expect((await get('/host/search', '2.52')).body.hypervisors).toHaveLength(2)
    expect((await get('/host-1/servers', '2.52')).body.hypervisors[0]).toHaveProperty('servers')
    expect((await get('/host/search')).status).toBe(404)
    expect((await get('/statistics', '2.87')).body.hypervisor_statistics).toMatchObject({
      count: 2,
      vcpus: 32,
      memory_mb_used: 5120,
      running_vms: 1,
    })
    expect((await get('/statistics', '2.88')).status).toBe(404)
  })

  it('are for administrators', async () => {
    expect(await get('/statistics', '2.1', 'manager')).toMatchObject({
      status: 403,
      body: {
        forbidden: { message: "Policy doesn't allow os_compute_api:os-hypervisors:statistics to be performed." },
      },
    })
  })
})
