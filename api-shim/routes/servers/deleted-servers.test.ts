import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { recentRequestsOf } from '../../state/recent-requests.ts'
import { actions, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
const uuid = '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f'
const requestId = 'req-00000000-0000-4000-8000-000000000001'

async function seedDeleted(namespace = 'mine', id = uuid): Promise<void> {
  const server = {
    metadata: {
      name: 'old',
      uid: id,
      creationTimestamp: '2026-01-02T03:00:00Z',
      annotations: {
        'compute.kubenova.io/recent-requests': JSON.stringify([
          { action: 'delete', requestId, user: 'id-of-member', time: '2026-01-02T04:00:00Z' },
        ]),
      },
    },
    spec: { flavor: 'tiny', image: { name: 'i' }, networks: [], locked: false, tags: ['t'], configDrive: false },
    status: {
      host: 'host-1',
      vmState: 'active',
      taskState: 'deleting',
      powerState: 'Running',
      launchedAt: '2026-01-02T03:00:05Z',
    },
  }
  const created = { metadata: { name: 'old-1' }, spec: { server: 'old', action: 'create' } }
  const status = { phase: 'Succeeded', startTime: '2026-01-02T03:00:01Z', finishTime: '2026-01-02T03:00:05Z' }
  await shim.seed(actions.kind, {
    metadata: { name: `old-deleted-${id.slice(0, 8)}`, namespace },
    spec: { server: 'old', action: 'delete' },
    status: {
      phase: 'Succeeded',
      host: 'host-1',
      startTime: '2026-01-02T04:00:00Z',
      finishTime: '2026-01-02T04:00:09Z',
      deletedServer: { uid: id, uuid: id, server, actions: [{ ...created, status }] },
    },
  })
}

const list = async (query: string, as = 'member', version = '2.104'): Promise<string[]> =>
  (
    await shim.ask<{ servers: { id: string }[] }>('GET', `/compute/v2.1/servers${query}`, { as, version })
  ).body.servers.map(({ id }) => id)

let present: string

beforeEach(async () => {
  shim = await new TestShim().start()
  const { metadata } = await shim.seed<Server>(servers.kind, {
    metadata: { name: 'new', namespace: 'mine' },
    spec: { flavor: 'tiny', image: { name: 'i' } },
    status: { vmState: 'active', host: 'host-1', launchedAt: '2026-01-02T03:04:05Z' },
  })
  present = metadata.uid ?? ''
  await seedDeleted()
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('a deleted server', () => {
  it('is in lists of changes, and only there for users', async () => {
    expect(await list('')).toEqual([present])
    expect(await list('?changes-since=2026-01-01T00:00:00Z')).toEqual([present, uuid])
    expect(await list('?changes-since=2026-01-02T04:00:09Z')).toEqual([present, uuid])
    expect(await list('?changes-since=2026-01-02T04:00:10Z')).toEqual([present])
    expect(await list('?changes-before=2026-01-02T04:00:09Z')).toEqual([uuid])
    expect(await list('?changes-before=2026-01-02T04:00:09Z', 'member', '2.65')).toEqual([present])
    expect(await list('?deleted=true')).toEqual([present])
  })

  it('can be the marker of a list', async () => {
    expect(await list(`?marker=${uuid}`)).toEqual([])
    expect(await list(`?marker=${uuid}&sort_key=created_at&sort_dir=asc`)).toEqual([present])
  })

  it('is in lists of administrators who ask for deleted servers', async () => {
    expect(await list('?deleted=true', 'admin')).toEqual([uuid])
    expect(await list('?deleted=false&changes-since=2026-01-01T00:00:00Z', 'admin')).toEqual([present])
    expect(await list('?status=DELETED', 'admin')).toEqual([uuid])
    expect(await list('?deleted=true&tags=t', 'admin')).toEqual([uuid])
    expect(await list('?deleted=true&tags=other', 'admin')).toEqual([])
  })

  it('has the state deleted, and a time of its end', async () => {
    const { body } = await shim.ask('GET', '/compute/v2.1/servers/detail?changes-before=2026-01-02T04:00:09Z', {
      version: '2.104',
    })
    expect(body).toMatchObject({
      servers: [
        {
          id: uuid,
          name: 'old',
          status: 'DELETED',
          created: '2026-01-02T03:00:00Z',
          updated: '2026-01-02T04:00:09Z',
          'OS-EXT-STS:vm_state': 'deleted',
          'OS-EXT-STS:task_state': null,
          'OS-EXT-STS:power_state': 0,
          'OS-SRV-USG:terminated_at': '2026-01-02T04:00:09.000000',
          tags: ['t'],
        },
      ],
    })
  })

  it.each([{}, { metadata: { name: 'x' } }, { metadata: null, spec: {} }, { metadata: { name: 'x' }, spec: 'x' }])(
    'is not listed when its record has the malformed Server %j',
    async (server) => {
      const id = '6f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f'
      await shim.seed(actions.kind, {
        metadata: { name: 'malformed', namespace: 'mine' },
        spec: { server: 'x', action: 'delete' },
        status: { phase: 'Succeeded', deletedServer: { uid: id, uuid: id, server } },
      })
      expect(await list('?changes-since=2026-01-01T00:00:00Z')).toEqual([present, uuid])
      const path = `/compute/v2.1/servers/${id}/os-instance-actions`
      expect((await shim.ask('GET', path, { version: '2.84' })).status).toBe(404)
    },
  )

  it('cannot be shown or changed by its ID', async () => {
    for (const as of ['member', 'admin'])
      expect(await shim.ask('GET', `/compute/v2.1/servers/${uuid}`, { as })).toMatchObject({
        status: 404,
        body: { itemNotFound: { message: `Instance ${uuid} could not be found.` } },
      })
    expect((await shim.ask('DELETE', `/compute/v2.1/servers/${uuid}`)).status).toBe(404)
  })

  it('has instance actions since 2.21', async () => {
    const path = `/compute/v2.1/servers/${uuid}/os-instance-actions`
    expect((await shim.ask('GET', path, { version: '2.20' })).status).toBe(404)
    expect((await shim.ask('GET', path, { version: '2.84' })).body).toMatchObject({
      instanceActions: [
        { action: 'delete', request_id: requestId, user_id: 'id-of-member', start_time: '2026-01-02T04:00:00.000000' },
        { action: 'create', instance_uuid: uuid },
      ],
    })
    expect((await shim.ask('GET', `${path}/${requestId}`, { as: 'admin', version: '2.84' })).body).toMatchObject({
      instanceAction: {
        events: [
          {
            event: 'compute_terminate_instance',
            result: 'Success',
            host: 'host-1',
            finish_time: '2026-01-02T04:00:09.000000',
          },
        ],
      },
    })
    expect((await shim.ask('GET', path, { as: 'other', version: '2.84' })).status).toBe(404)
  })

  it('is listed in its project only', async () => {
    expect(await list('?changes-since=2026-01-01T00:00:00Z', 'other')).toEqual([])
    await seedDeleted('other', '6f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f')
    expect(await list('?deleted=true', 'admin')).toEqual([uuid])
    expect(await list('?deleted=true&all_tenants=1', 'admin')).toHaveLength(2)
  })

  it('does not lend its actions or its task to a newer server of the same name', async () => {
    const { metadata } = await shim.seed<Server>(servers.kind, {
      metadata: { name: 'old', namespace: 'mine' },
      spec: { flavor: 'tiny', image: { name: 'i' } },
      status: { vmState: 'active', host: 'host-1', launchedAt: '2026-01-02T05:00:00Z' },
    })
    const resource = shim.api.resource(actions.kind)
    const record = { name: 'old-deleted-5f0a1c9e', namespace: 'mine' }
    await shim.waitForCache(
      actions.kind,
      await resource.patch(record, { status: { phase: 'Running', finishTime: null } }),
    )
    const path = `/compute/v2.1/servers/${metadata.uid}`
    expect((await shim.ask('GET', path)).body).toMatchObject({ server: { 'OS-EXT-STS:task_state': null } })
    expect((await shim.ask('GET', `${path}/os-instance-actions`)).body).toEqual({ instanceActions: [] })
  })
})

describe('DELETE /servers/{server_id}', () => {
  it('notes who asks for it', async () => {
    const server = { name: 'new', namespace: 'mine' }
    await shim.api
      .resource<Server>(servers.kind)
      .patch(server, { metadata: { finalizers: ['compute.kubenova.io/host'] } })
    const { headers } = await shim.ask('DELETE', `/compute/v2.1/servers/${present}`)
    const [deleting] = shim.api.list<Server>('servers')
    expect(recentRequestsOf(deleting!)).toMatchObject([
      { action: 'delete', requestId: headers['x-openstack-request-id'], user: 'id-of-member' },
    ])
  })
})
