import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

const UNKNOWN = '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f'

let shim: TestShim
let id: string

const post = (path: string, body: unknown, as = 'admin', version = '2.104') =>
  shim.ask<Record<string, unknown>>('POST', `/compute/v2.1${path}`, { as, version, body })

beforeEach(async () => {
  shim = await new TestShim().start()
  const server = await shim.seed<Server>(servers.kind, {
    metadata: { name: 's', namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' } },
    status: { host: 'h', vmState: 'active' },
  })
  id = server.metadata.uid ?? ''
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('POST /os-server-external-events', () => {
  it('answers each event with a code of its own', async () => {
    const events = [
      { name: 'network-changed', server_uuid: id },
      { name: 'network-vif-plugged', server_uuid: UNKNOWN, tag: 'x' },
      { name: 'power-update', server_uuid: id },
    ]
    expect(await post('/os-server-external-events', { events })).toMatchObject({
      status: 207,
      body: {
        events: [
          { name: 'network-changed', server_uuid: id, status: 'completed', code: 200 },
          { name: 'network-vif-plugged', server_uuid: UNKNOWN, tag: 'x', status: 'failed', code: 404 },
          { name: 'power-update', server_uuid: id, status: 'failed', code: 400 },
        ],
      },
    })
    expect((await post('/os-server-external-events', { events: events.slice(0, 1) })).status).toBe(200)
  })

  it('knows the events of the microversion and is for services', async () => {
    const events = [{ name: 'volume-extended', server_uuid: id, tag: 'x' }]
    expect((await post('/os-server-external-events', { events }, 'admin', '2.50')).body).toMatchObject({
      badRequest: {
        message:
          "Invalid input for field/attribute name. Value: volume-extended. 'volume-extended' is not one of " +
          "['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted']",
      },
    })
    expect((await post('/os-server-external-events', { events }, 'member')).body).toMatchObject({
      forbidden: { message: "Policy doesn't allow os_compute_api:os-server-external-events:create to be performed." },
    })
  })
})

describe('/os-assisted-volume-snapshots', () => {
  it('knows no volume', async () => {
    const create_info = { snapshot_id: UNKNOWN, type: 'qcow2', new_file: 'x' }
    const message = `No volume Block Device Mapping with id ${UNKNOWN}.`
    expect(
      (await post('/os-assisted-volume-snapshots', { snapshot: { volume_id: UNKNOWN, create_info } })).body,
    ).toMatchObject({ badRequest: { message } })
    const remove = async (query: string) =>
      (await shim.ask('DELETE', `/compute/v2.1/os-assisted-volume-snapshots/${UNKNOWN}${query}`, { as: 'admin' })).body
    expect(await remove('')).toMatchObject({ badRequest: { message: "'delete_info'" } })
    expect(await remove('?delete_info=x')).toMatchObject({
      badRequest: { message: 'Expecting value: line 1 column 1 (char 0)' },
    })
    expect(await remove('?delete_info=%7B%7D')).toMatchObject({ badRequest: { message: "'volume_id'" } })
    expect(await remove(`?delete_info=%7B%22volume_id%22%3A%22${UNKNOWN}%22%7D`)).toMatchObject({
      badRequest: { message },
    })
  })
})

describe('consoles, volumes, shares and migrations', () => {
  it.each([
    [
      'POST',
      'remote-consoles',
      { remote_console: { protocol: 'vnc', type: 'novnc' } },
      400,
      'Unavailable console type novnc.',
    ],
    ['GET', 'diagnostics', undefined, 409, 'is not ready'],
    ['GET', `os-volume_attachments/${UNKNOWN}`, undefined, 404, `is not attached to volume ${UNKNOWN}`],
    ['DELETE', `os-volume_attachments/${UNKNOWN}`, undefined, 404, `Volume ${UNKNOWN} could not be found.`],
    ['GET', 'shares/bogus', undefined, 404, 'Share bogus could not be found.'],
    ['GET', 'migrations/7', undefined, 404, 'In-progress live migration 7 is not found for server'],
    ['DELETE', 'migrations/7', undefined, 404, 'Migration 7 not found for instance'],
    ['POST', 'migrations/7/action', { force_complete: null }, 400, 'Migration 7 not found for instance'],
  ])('%s %s is answered', async (method, path, body, status, message) => {
    const answer = await shim.ask(method, `/compute/v2.1/servers/${id}/${path}`, {
      as: 'admin',
      version: '2.104',
      body,
    })
    expect(answer.status).toBe(status)
    expect(JSON.stringify(answer.body)).toContain(message)
  })

  it.each([
    ['os-volume_attachments', { volumeAttachments: [] }],
    ['shares', { shares: [] }],
    ['migrations', { migrations: [] }],
    ['topology', { nodes: [], pagesize_kb: null }],
    ['os-server-password', { password: '' }],
  ])('GET %s is empty', async (path, body) => {
    expect(
      (await shim.ask('GET', `/compute/v2.1/servers/${id}/${path}`, { as: 'admin', version: '2.104' })).body,
    ).toEqual(body)
  })

  it('lists the migrations of all projects for administrators only', async () => {
    const list = (query: string, as: string) =>
      shim.ask('GET', `/compute/v2.1/os-migrations${query}`, { as, version: '2.80' })
    expect((await list('', 'admin')).body).toEqual({ migrations: [] })
    expect((await list('', 'manager')).body).toMatchObject({
      forbidden: { message: "Policy doesn't allow os_compute_api:os-migrations:index:all_projects to be performed." },
    })
    const project = shim.callerOf('manager')?.project?.id
    expect((await list(`?project_id=${project}`, 'manager')).status).toBe(200)
    expect((await list('?marker=x', 'admin')).body).toMatchObject({
      badRequest: { message: 'Marker x could not be found.' },
    })
  })

  it('looks console tokens up since 2.31', async () => {
    const look = (version: string, as = 'admin') =>
      shim.ask('GET', '/compute/v2.1/os-console-auth-tokens/x', { as, version })
    expect((await look('2.30')).status).toBe(400)
    expect((await look('2.31')).body).toMatchObject({ itemNotFound: { message: 'Token not found' } })
    expect((await look('2.31', 'member')).status).toBe(403)
  })
})
