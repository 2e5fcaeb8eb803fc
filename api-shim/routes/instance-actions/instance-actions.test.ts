import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { actions, servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let path: string

const requestId = (n: number): string => `req-00000000-0000-4000-8000-00000000000${n}`
const event = (name: string, minute: number, more: object = {}): object => ({
  event: name,
  host: 'host-1',
  startTime: `2026-01-02T03:0${minute}:05Z`,
  finishTime: `2026-01-02T03:0${minute}:06Z`,
  result: 'Success',
  ...more,
})

const seedAction = (n: number, action: string, status: object): Promise<unknown> =>
  shim.seed(actions.kind, {
    metadata: { name: `a${n}`, namespace: 'mine' },
    spec: { server: 's', action, requestId: requestId(n), user: 'id-of-member' },
    status: { startTime: `2026-01-02T03:0${n}:05Z`, finishTime: `2026-01-02T03:0${n}:06Z`, ...status },
  })

const get = <B = Record<string, unknown>>(suffix = '', version = '2.84', as = 'member') =>
  shim.ask<B>('GET', `${path}${suffix}`, { as, version })
const listed = async (query = '', version = '2.84'): Promise<unknown[]> =>
  (await get<{ instanceActions: { action: string }[] }>(query, version)).body.instanceActions.map(
    ({ action }) => action,
  )

beforeEach(async () => {
  shim = await new TestShim().start()
  const { metadata } = await shim.seed<Server>(servers.kind, {
    metadata: { name: 's', namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' } },
    status: { host: 'host-1', vmState: 'active', launchedAt: '2026-01-02T03:01:06Z' },
  })
  path = `/compute/v2.1/servers/${metadata.uid}/os-instance-actions`
  await seedAction(1, 'create', { phase: 'Succeeded', events: [event('first', 1), event('second', 2)] })
  await seedAction(3, 'reboot', {
    phase: 'Failed',
    message: 'no answer',
    events: [event('compute_reboot_instance', 3, { result: 'Error', traceback: 'at x' })],
  })
  await seedAction(4, 'reboot', { phase: 'Rejected', message: 'busy' })
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('GET /servers/{server_id}/os-instance-actions', () => {
  it('shows who asked for what an agent has recorded, and the locks', async () => {
    const act = async (body: object): Promise<unknown> => {
      const address = path.replace('os-instance-actions', 'action')
      const { headers } = await shim.ask('POST', address, { as: 'member', body })
      return headers['x-openstack-request-id']
    }
    const locked = await act({ lock: null })
    const unlocked = await act({ unlock: null })
    const paused = await act({ pause: null })
    const status = { phase: 'Succeeded', startTime: new Date(Date.now() + 60_000).toISOString() }
    for (const name of ['by-api', 'by-kubectl'])
      await shim.seed(actions.kind, {
        metadata: { name, namespace: 'mine' },
        spec: { server: 's', action: 'pause' },
        status: { ...status, ...(name === 'by-kubectl' ? { startTime: '2030-01-01T00:00:00Z' } : {}) },
      })
    const { body } = await get<{ instanceActions: Record<string, string | null>[] }>()
    const shown = body.instanceActions.map(({ action, request_id: id, user_id: by }) => [action, id, by])
    const member = shim.callerOf('member')?.user.id
    expect(shown.slice(0, 4)).toEqual([
      ['pause', expect.not.stringMatching(String(paused)), null],
      ['pause', paused, member],
      ['unlock', unlocked, member],
      ['lock', locked, member],
    ])
    expect((await get(`/${String(locked)}`)).body).toMatchObject({
      instanceAction: { action: 'lock', events: [{ event: 'api_lock', result: 'Success' }] },
    })
  })

  it('lists the newest first, without requests that were refused', async () => {
    expect(await listed('', '2.1')).toEqual(['reboot', 'create'])
    const { body } = await get<{ instanceActions: object[] }>()
    expect(body.instanceActions[0]).toEqual({
      action: 'reboot',
      instance_uuid: path.split('/')[4],
      request_id: requestId(3),
      user_id: 'id-of-member',
      project_id: shim.callerOf('member')?.project?.id,
      start_time: '2026-01-02T03:03:05.000000',
      message: 'Error',
      updated_at: '2026-01-02T03:03:06.000000',
    })
  })

  it('has pages and times since 2.58', async () => {
    const { body } = await get<{ links: { href: string }[] }>('?limit=1')
    expect(body.links[0]?.href).toMatch(new RegExp(`\\?limit=1&marker=${requestId(3)}$`))
    expect(await listed(`?marker=${requestId(3)}`)).toEqual(['create'])
    expect(await listed('?changes-since=2026-01-02T03:02:00Z')).toEqual(['reboot'])
    expect(await listed('?changes-before=2026-01-02T03:02:00Z')).toEqual(['create'])
    expect((await get('?marker=bogus')).body).toMatchObject({
      badRequest: { message: 'Marker None could not be found.' },
    })
    expect((await get('?changes-before=2026-01-02T03:02:00Z', '2.65')).status).toBe(400)
    expect(await listed('?limit=x', '2.57')).toEqual(['reboot', 'create'])
  })
})

describe('GET /servers/{server_id}/os-instance-actions/{request_id}', () => {
  const events = async (n: number, version: string, as: string): Promise<object[] | undefined> =>
    (await get<{ instanceAction: { events?: object[] } }>(`/${requestId(n)}`, version, as)).body.instanceAction.events

  it('shows events to users since 2.51, and hosts and tracebacks to administrators', async () => {
    expect(await events(3, '2.50', 'member')).toBeUndefined()
    const base = {
      event: 'compute_reboot_instance',
      start_time: '2026-01-02T03:03:05.000000',
      finish_time: '2026-01-02T03:03:06.000000',
      result: 'Error',
    }
    const hostId = expect.stringMatching(/^[0-9a-f]{56}$/) as string
    expect(await events(3, '2.51', 'member')).toEqual([base])
    expect(await events(3, '2.84', 'member')).toEqual([{ ...base, hostId }])
    expect(await events(3, '2.50', 'admin')).toEqual([{ ...base, traceback: 'at x' }])
    expect(await events(3, '2.84', 'admin')).toEqual([
      { ...base, traceback: 'at x', hostId, host: 'host-1', details: 'no answer' },
    ])
  })

  it('shows the newest event first, and a 404 for another request', async () => {
    expect(await events(1, '2.51', 'member')).toMatchObject([{ event: 'second' }, { event: 'first' }])
    expect((await get(`/${requestId(9)}`)).body).toMatchObject({
      itemNotFound: { message: `Action ${requestId(9)} not found` },
    })
  })
})
