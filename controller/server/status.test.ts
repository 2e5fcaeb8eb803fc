import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { guestOf } from '../../actions/testing.ts'
import { findCondition, resourceDefOf, type Server, type ServerStatus, server as serverKind } from '../../crds/index.ts'
import { FakeApi } from '../../test/fakes/api.ts'
import { deletionPendingStatus, isReachabilityReported, reachableStatus, unreachableStatus } from './reachability.ts'
import { placedStatus, unassignedStatus, waitingStatus } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'
const { instance } = guestOf()

function server(status?: ServerStatus): Server {
  const { server: base } = guestOf()
  const { status: _, ...rest } = { ...base, metadata: { ...base.metadata, generation: 4 } }
  return status ? { ...rest, status } : rest
}
const cond = (type: string, status: 'True' | 'False' | 'Unknown', reason = 'Because') => ({
  type,
  status,
  reason,
  message: 'm',
  lastTransitionTime: then,
})
const types = (status: { conditions?: { type: string }[] }): string[] =>
  (status.conditions ?? []).map(({ type }) => type)

describe('each status', () => {
  const placed = () => placedStatus(server(), { host: 'h1', instance }, now)

  it('placed: all that the agent needs, and nothing that it would leave out', () => {
    const status = placedStatus(
      server({
        taskState: 'scheduling',
        fault: { code: 500, message: 'm', created: then },
        actionRecords: 2,
        activeAction: { name: 'r', uid: 'u', action: 'start', admittedAt: then },
      }),
      { host: 'h1', instance, rejectedHosts: [{ host: 'h0', reason: 'r' }] },
      now,
    )
    expect(status).toMatchObject({
      host: 'h1',
      vmState: 'building',
      actionRecords: 2,
      observedGeneration: 4,
      rejectedHosts: [{ host: 'h0' }],
    })
    for (const gone of ['taskState', 'fault', 'activeAction']) expect(status).not.toHaveProperty(gone)
    expect(types(status)).toEqual(['Scheduled', 'Ready'])
  })

  it('placed: both kinds of addresses are told', () => {
    const nic = (fixedIPs: string[]) => ({
      port: 'p',
      portId: 'i',
      network: 'lan',
      networkNamespace: 'ns',
      networkId: 'n',
      mtu: 1500,
      macAddress: 'fa:16:3e:00:00:01',
      portSecurity: true,
      fixedIPs: fixedIPs.map((address) => ({ address, prefixLength: 24, dhcp: true })),
    })
    const many = { ...instance, interfaces: [nic(['10.0.0.2', '2001:db8::2']), nic([])] }
    expect(placedStatus(server(), { host: 'h1', instance: many }, now).addresses).toEqual([
      { network: 'lan', address: '10.0.0.2', version: 4, macAddress: 'fa:16:3e:00:00:01' },
      { network: 'lan', address: '2001:db8::2', version: 6, macAddress: 'fa:16:3e:00:00:01' },
    ])
  })

  it.each([
    [false, 'building', 'scheduling', 'Reconciling'],
    [true, 'error', undefined, 'Stalled'],
  ])('waiting (error %s): %s, %s, %s', (error, vmState, taskState, type) => {
    const status = waitingStatus(server(), { reason: 'FlavorNotFound', message: 'why', error }, now)
    expect([status.vmState, status.taskState]).toEqual([vmState, taskState])
    expect(types(status)).toEqual(['Scheduled', 'Ready', type])
    expect(status.fault).toEqual(
      error ? { code: 500, message: 'why', details: 'FlavorNotFound', created: now } : undefined,
    )
  })

  it('waiting: a fault is as old as its message, and what was said before goes', () => {
    const why = { reason: 'FlavorNotFound', message: 'why', error: true } as const
    const first = waitingStatus(server(), why, then) as ServerStatus
    expect(waitingStatus(server(first), why, now).fault?.created).toBe(then)
    const other = waitingStatus(server(first), { ...why, error: false }, now)
    expect(types(other)).toEqual(['Scheduled', 'Ready', 'Reconciling'])
    expect(other).not.toHaveProperty('fault')
  })

  const rejected = (status: ServerStatus): Server =>
    server({ ...placed(), domain: { name: 'd' }, hostRejection: { host: 'h1', reason: 'broken' }, ...status })

  it('unassigned: the rejection is remembered, with the generation that was rejected', () => {
    const was = rejected({ observedGeneration: 3, actionRecords: 1, rejectedHosts: [{ host: 'h0', reason: 'r' }] })
    const status = unassignedStatus(was, now)
    expect(status).toMatchObject({
      vmState: 'building',
      taskState: 'scheduling',
      actionRecords: 1,
      observedGeneration: 3,
      rejectedHosts: [{ host: 'h0' }, { host: 'h1', reason: 'broken' }],
    })
    for (const gone of ['host', 'instance', 'addresses']) expect(status).not.toHaveProperty(gone)
    const why = { reason: 'HostRejected', message: 'h1 could not build the server (broken); another host is chosen' }
    expect(status.conditions).toMatchObject([
      { type: 'Scheduled', status: 'False', ...why },
      { type: 'Ready', status: 'False', ...why },
      { type: 'Reconciling', status: 'True', ...why },
    ])
  })

  it('unassigned: a host whose libvirt was away is not remembered', () => {
    expect(unassignedStatus(rejected({}), now, true)).not.toHaveProperty('rejectedHosts')
    const rejectedHosts = [{ host: 'h0', reason: 'r' }]
    expect(unassignedStatus(rejected({ rejectedHosts }), now, true).rejectedHosts).toEqual(rejectedHosts)
  })

  it('unassigned: at most 16 rejections', () => {
    const rejectedHosts = Array.from({ length: 16 }, (_, i) => ({ host: `h${i}`, reason: 'r' }))
    const status = unassignedStatus(rejected({ rejectedHosts, hostRejection: { host: 'h16', reason: 'r' } }), now)
    expect(status.rejectedHosts?.map(({ host }) => host)).toEqual(Array.from({ length: 16 }, (_, i) => `h${i + 1}`))
  })

  it('reachable or not: reported once each way', () => {
    const up = server({ ...placed(), domain: { name: 'd' } })
    expect(isReachabilityReported(up, true)).toBe(true)
    expect(isReachabilityReported(up, false)).toBe(false)
    const status = unreachableStatus(up, 'the agent is silent', now)
    const down = server({ ...up.status, ...(status as ServerStatus) })
    expect(isReachabilityReported(down, false)).toBe(true)
    expect(isReachabilityReported(down, true)).toBe(false)
    expect(findCondition(down.status?.conditions, 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'HostDown',
      message: 'the agent is silent',
    })
    expect(types(reachableStatus(down))).toEqual(['Ready'])
  })

  it('reachable: a Ready condition that the agent has written is not restated', () => {
    const conditions = [cond('HostReachable', 'False', 'HostDown'), cond('Ready', 'True', 'Running')]
    expect(reachableStatus(server({ ...placed(), domain: { name: 'd' }, conditions }))).toEqual({})
  })

  it('not reachable, deletion pending: each keeps the other, and the time while the status stays', () => {
    const old = server({
      ...placed(),
      conditions: [cond('HostReachable', 'False', 'HostDown'), cond('DeletionPending', 'True', 'HostDown')],
    })
    const changed = { message: 'n', reason: 'HostDown', observedGeneration: 4 }
    expect(unreachableStatus(old, 'n', now).conditions).toEqual([
      cond('DeletionPending', 'True', 'HostDown'),
      { ...cond('HostReachable', 'False'), ...changed },
      { ...cond('Ready', 'Unknown'), ...changed, lastTransitionTime: now },
    ])
    expect(deletionPendingStatus(old, 'n', now).conditions).toEqual([
      cond('HostReachable', 'False', 'HostDown'),
      { ...cond('DeletionPending', 'True'), ...changed },
    ])
  })

  it('fits the API', () => {
    const why = { reason: 'FlavorNotFound', message: 'why' } as const
    const all = [
      placed(),
      waitingStatus(server(), { ...why, error: true }, now),
      waitingStatus(server(), { ...why, error: false }, now),
      unreachableStatus(server(placed()), 'why', now),
      deletionPendingStatus(server(placed()), 'why', now),
      unassignedStatus(rejected({}), now),
    ]
    for (const status of all) expect([...Value.Errors(serverKind.status, status)]).toEqual([])
  })
})

it('what was said while it waited is gone when it is placed, whoever owned it', async () => {
  const api = new FakeApi()
  const handle = api.resource<Server>(resourceDefOf(serverKind))
  const metadata = { name: 'web', namespace: 'demo' }
  let seen = await handle.create({ metadata, spec: { flavor: 'f', image: { name: 'i' } } })
  const write = async (status: object): Promise<void> => {
    seen = await handle.applyStatus({ metadata, status }, { fieldManager: 'kubenova-scheduler' })
  }
  await write(waitingStatus(seen, { reason: 'NoValidHost', message: 'none', error: true }, then))
  await write(placedStatus(seen, { host: 'h1', instance }, now))
  expect(Object.keys(seen.status ?? {}).sort()).toEqual([
    'actionRecords',
    'addresses',
    'conditions',
    'host',
    'instance',
    'observedGeneration',
    'vmState',
  ])
  expect(types(seen.status ?? {})).toEqual(['Scheduled', 'Ready'])
})
