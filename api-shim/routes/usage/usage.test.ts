import { afterAll, beforeAll, expect, test } from 'vitest'
import { namespaces } from '../../../kube/builtin-kinds.ts'
import { actions, flavors, hypervisors, servers } from '../../state/stores.ts'
import { type AskOptions, TestShim } from '../../testing.ts'

let shim: TestShim
let mine: string
beforeAll(async () => {
  shim = await new TestShim().start()
  mine = shim.callerOf('member')?.project?.id ?? ''
  await shim.seed(flavors.kind, { metadata: { name: 'tiny' }, spec: { vcpus: 2, ram: 512, disk: 1, ephemeral: 3 } })
  await shim.seed(servers.kind, serverOf('mine', 'a', '2020-01-01T00:00:00Z'))
  await shim.seed(servers.kind, serverOf('other', 'b', '2020-01-01T18:00:00Z'))
  await shim.seed(hypervisors.kind, { metadata: { name: 'h1' }, spec: {} })
})
afterAll(() => shim[Symbol.asyncDispose]())

const serverOf = (namespace: string, name: string, launchedAt: string): object => ({
  metadata: { name, namespace },
  spec: { flavor: 'tiny', image: { name: 'guest' }, uuid: `00000000-0000-4000-8000-00000000000${name}` },
  status: { vmState: 'active', launchedAt },
})

const ask = (path: string, options: AskOptions = {}) =>
  shim.ask('GET', `/compute/v2.1${path}`, { as: 'admin', version: '2.104', ...options })

/** Twelve hours: the server a runs through all of them, the server b through six. */
const period = 'start=2020-01-01T12:00:00&end=2020-01-02T00:00:00'

test('simple-tenant-usage:show multiplies sizes by the hours within the period', async () => {
  const { body } = await ask(`/os-simple-tenant-usage/${mine}?${period}`, { as: 'reader' })
  expect(body).toMatchObject({
    tenant_usage: {
      tenant_id: mine,
      server_usages: [
        {
          hours: 12,
          flavor: 'tiny',
          instance_id: '00000000-0000-4000-8000-00000000000a',
          name: 'a',
          tenant_id: mine,
          memory_mb: 512,
          local_gb: 4,
          vcpus: 2,
          started_at: '2020-01-01T00:00:00.000000',
          ended_at: null,
          state: 'active',
        },
      ],
      total_hours: 12,
      total_vcpus_usage: 24,
      total_memory_mb_usage: 6144,
      total_local_gb_usage: 48,
      start: '2020-01-01T12:00:00.000000',
      stop: '2020-01-02T00:00:00.000000',
    },
  })
})

test('simple-tenant-usage:show answers with the microseconds of the request', async () => {
  const { body } = await ask(
    `/os-simple-tenant-usage/${mine}?start=2020-01-01T12:00:00.123456&end=2020-01-02T00:00:00.5`,
  )
  expect(body).toMatchObject({
    tenant_usage: { start: '2020-01-01T12:00:00.123456', stop: '2020-01-02T00:00:00.500000' },
  })
})

test('simple-tenant-usage:list has a line for each project, in pages of servers', async () => {
  const { body } = await ask(`/os-simple-tenant-usage?${period}`)
  const { tenant_usages: usages } = body as unknown as { tenant_usages: { total_hours: number }[] }
  expect(usages.map(({ total_hours: hours }) => hours)).toEqual([12, 6])
  const paged = await ask(`/os-simple-tenant-usage?${period}&limit=1`)
  expect(paged.body).toMatchObject({
    tenant_usages: [{ tenant_id: mine }],
    tenant_usages_links: [{ rel: 'next' }],
  })
})

test('simple-tenant-usage:show sorts servers by UUID', async () => {
  await shim.seed(namespaces, { metadata: { name: 'small' } })
  await shim.seed(servers.kind, serverOf('small', 'f', '2020-01-01T00:00:00Z'))
  await shim.seed(servers.kind, serverOf('small', 'e', '2020-01-01T18:00:00Z'))
  const { body } = await ask(`/os-simple-tenant-usage?${period}&detailed=1`)
  const { tenant_usages: usages } = body as unknown as { tenant_usages: { server_usages: { name: string }[] }[] }
  expect(usages.flatMap(({ server_usages: list }) => list.map(({ name }) => name))).toEqual(['a', 'b', 'e', 'f'])
  for (const name of ['e', 'f']) await shim.api.resource(servers.kind).delete({ name, namespace: 'small' })
})

test('simple-tenant-usage:show counts a deleted server until its end', async () => {
  const uuid = '00000000-0000-4000-8000-00000000000d'
  const server = serverOf('mine', 'd', '2019-06-01T00:00:00Z')
  await shim.seed(actions.kind, {
    metadata: { name: 'd-delete', namespace: 'mine' },
    spec: { server: 'd', action: 'delete' },
    status: {
      phase: 'Succeeded',
      startTime: '2019-06-01T05:59:00Z',
      finishTime: '2019-06-01T06:00:00Z',
      deletedServer: { uid: uuid, uuid, server },
    },
  })
  const askFrom = (start: string) =>
    ask(`/os-simple-tenant-usage/${mine}?start=${start}&end=2019-06-02T00:00:00`, { as: 'reader' })
  expect((await askFrom('2019-06-01T02:00:00')).body).toMatchObject({
    tenant_usage: {
      server_usages: [
        { name: 'd', hours: 4, uptime: 21_600, state: 'terminated', ended_at: '2019-06-01T06:00:00.000000', vcpus: 2 },
      ],
      total_hours: 4,
      total_vcpus_usage: 8,
    },
  })
  expect((await askFrom('2019-06-01T06:00:00')).body).toEqual({ tenant_usage: {} })
})

test.each([
  ['?start=bogus', 'Invalid datetime string: Datetime is in invalid format'],
  ['?start=2000-01-01&end=2000-01-02', 'Invalid datetime string: Datetime is in invalid format'],
  [
    '?start=2020-01-02T00:00:00&end=2020-01-01T00:00:00',
    'Invalid start time. The start time cannot occur after the end time.',
  ],
  ['?marker=bogus', 'Marker bogus could not be found.'],
])('simple-tenant-usage:list rejects %s', async (query, message) => {
  expect((await ask(`/os-simple-tenant-usage${query}`)).body).toEqual({ badRequest: { code: 400, message } })
})

test('simple-tenant-usage:show is empty before the first launch, and for an unknown project', async () => {
  const before = 'start=2000-01-01T00:00:00.000000&end=2000-01-02T00:00:00.000000'
  expect((await ask(`/os-simple-tenant-usage/${mine}?${before}`)).body).toEqual({ tenant_usage: {} })
  expect((await ask('/os-simple-tenant-usage/bogus')).body).toEqual({ tenant_usage: {} })
})

test('simple-tenant-usage is forbidden to members, but for their own project', async () => {
  expect((await ask('/os-simple-tenant-usage', { as: 'member' })).body).toMatchObject({
    forbidden: { message: "Policy doesn't allow os_compute_api:os-simple-tenant-usage:list to be performed." },
  })
  expect((await ask(`/os-simple-tenant-usage/${mine}`, { as: 'other' })).body).toMatchObject({
    forbidden: { message: "Policy doesn't allow os_compute_api:os-simple-tenant-usage:show to be performed." },
  })
})

test('instance-usage-audit-log:show reports that no host has counted in the month before', async () => {
  expect((await ask('/os-instance_usage_audit_log/2030-01-01%2000:00:00')).body).toEqual({
    instance_usage_audit_log: {
      period_beginning: '2029-11-01 00:00:00',
      period_ending: '2029-12-01 00:00:00',
      num_hosts: 1,
      num_hosts_done: 0,
      num_hosts_running: 0,
      num_hosts_not_run: 1,
      hosts_not_run: ['h1'],
      total_instances: 0,
      total_errors: 0,
      overall_status: '0 of 1 hosts done. 0 errors.',
      log: {},
    },
  })
  expect((await ask('/os-instance_usage_audit_log/2026-11-28')).body).toEqual({
    badRequest: { code: 400, message: 'Invalid timestamp for date 2026-11-28' },
  })
})
