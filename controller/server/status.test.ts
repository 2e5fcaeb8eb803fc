import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { guestOf } from '../../actions/testing.ts'
import { condition, resourceDefOf, type Server, type ServerStatus, server as serverKind } from '../../crds/index.ts'
import { FakeApi } from '../../test/fakes/api.ts'
import {
  owned,
  placedStatus,
  reachabilityStatus,
  saysReachability,
  waitingStatus,
  withConditions,
  withoutHost,
} from './status.ts'

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

describe('what the controller owns', () => {
  const all: ServerStatus = {
    host: 'h1',
    instance,
    alternates: ['h2'],
    addresses: [],
    activeAction: { name: 'r', uid: 'u', action: 'reboot', admittedAt: then },
    rejectedHosts: [{ host: 'h0', reason: 'r' }],
    vmState: 'active',
    taskState: 'rebooting',
    records: 3,
    observedGeneration: 4,
    conditions: ['Scheduled', 'HostReachable', 'DeletionPending', 'Ready', 'Reconciling', 'Stalled'].map((t) =>
      cond(t, 'True'),
    ),
  }

  it('is the placement alone, once the agent has written', () => {
    const mine = owned(server({ ...all, domain: { name: 'd' } }))
    expect(Object.keys(mine).sort()).toEqual([
      'activeAction',
      'addresses',
      'alternates',
      'conditions',
      'host',
      'instance',
      'rejectedHosts',
    ])
    expect(types(mine)).toEqual(['Scheduled', 'HostReachable', 'DeletionPending'])
  })

  it('is the state, too, before that', () => {
    expect(owned(server(all))).toEqual(all)
  })

  it('is nothing of a server that was never looked at', () => {
    expect(owned(server())).toEqual({})
  })

  it('is a Ready that says that the host is down', () => {
    const down = { ...all, domain: { name: 'd' }, conditions: [cond('Ready', 'Unknown', 'HostDown')] }
    expect(types(owned(server(down)))).toEqual(['Ready'])
  })
})

describe('conditions', () => {
  it('are replaced by type, keep their time while their status stays, and the others stay', () => {
    const old = server({ conditions: [cond('Scheduled', 'True'), cond('HostReachable', 'False')] })
    const set = [{ type: 'HostReachable', status: 'False', reason: 'HostDown', message: 'n' } as const]
    expect(withConditions(old, owned(old), set, now).conditions).toEqual([
      cond('Scheduled', 'True'),
      { ...cond('HostReachable', 'False', 'HostDown'), message: 'n' },
    ])
    expect(types(withConditions(old, owned(old), [], now, ['HostReachable']))).toEqual(['Scheduled'])
  })
})

describe('each status', () => {
  const placed = () => placedStatus(server(), { host: 'h1', alternates: ['h2'], instance }, now)

  it('placed: all that the agent needs, and nothing that it would leave out', () => {
    const status = placedStatus(
      server({
        taskState: 'scheduling',
        fault: { code: 500, message: 'm', created: then },
        records: 2,
        rejectedHosts: [{ host: 'h0', reason: 'r' }],
      }),
      { host: 'h1', alternates: [], instance },
      now,
    )
    expect(status).toMatchObject({
      host: 'h1',
      vmState: 'building',
      records: 2,
      observedGeneration: 4,
      rejectedHosts: [{ host: 'h0' }],
    })
    for (const gone of ['taskState', 'fault']) expect(status).not.toHaveProperty(gone)
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
    expect(placedStatus(server(), { host: 'h1', alternates: [], instance: many }, now).addresses).toEqual([
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

  it('without a host: the one that refused is remembered, with the spec that it refused', () => {
    const refused = { host: 'h1', reason: 'broken' }
    const was = server({
      ...placed(),
      domain: { name: 'd' },
      observedGeneration: 3,
      records: 1,
      hostRejection: refused,
      rejectedHosts: [{ host: 'h0', reason: 'r' }],
    })
    const status = withoutHost(was)
    expect(status).toMatchObject({
      vmState: 'building',
      taskState: 'scheduling',
      records: 1,
      observedGeneration: 3,
      rejectedHosts: [{ host: 'h0' }, refused],
    })
    for (const gone of ['host', 'instance', 'alternates', 'addresses']) expect(status).not.toHaveProperty(gone)
  })

  it('without a host: one that refused for want of its libvirt alone is not remembered', () => {
    const refused = { host: 'h1', reason: 'look: libvirt on h1 does not answer' }
    expect(withoutHost(server({ ...placed(), hostRejection: refused }), true)).not.toHaveProperty('rejectedHosts')
    const rejectedHosts = [{ host: 'h0', reason: 'r' }]
    expect(withoutHost(server({ ...placed(), hostRejection: refused, rejectedHosts }), true).rejectedHosts).toEqual(
      rejectedHosts,
    )
  })

  it('without a host: at most 16 rejectedHosts, and no deed that has ended', () => {
    const rejectedHosts = Array.from({ length: 16 }, (_, i) => ({ host: `h${i}`, reason: 'r' }))
    const action = { name: 'r', uid: 'u', action: 'start', admittedAt: then }
    const was = { rejectedHosts, hostRejection: { host: 'h16', reason: 'r' }, activeAction: action, host: 'h16' }
    const done = withoutHost(server({ ...was, lastCompletedAction: 'u' }))
    expect(done.rejectedHosts?.map(({ host }) => host)).toEqual(Array.from({ length: 16 }, (_, i) => `h${i + 1}`))
    expect(done).not.toHaveProperty('activeAction')
    expect(withoutHost(server({ ...was, lastCompletedAction: 'v' }))).toHaveProperty('activeAction')
  })

  it('reachable or not: said once each way', () => {
    const up = server({ ...placed(), domain: { name: 'd' } })
    expect(saysReachability(up, true)).toBe(true)
    expect(saysReachability(up, false)).toBe(false)
    const status = reachabilityStatus(up, false, 'the agent is silent', now)
    const down = server({ ...up.status, ...(status as ServerStatus) })
    expect(saysReachability(down, false)).toBe(true)
    expect(saysReachability(down, true)).toBe(false)
    expect(condition(down.status?.conditions, 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'HostDown',
      message: 'the agent is silent',
    })
    const again = reachabilityStatus(down, true, '', now)
    expect(condition(again.conditions, 'HostReachable')).toBeUndefined()
  })

  it('fits the API', () => {
    const why = { reason: 'FlavorNotFound', message: 'why' } as const
    const all = [
      placed(),
      waitingStatus(server(), { ...why, error: true }, now),
      waitingStatus(server(), { ...why, error: false }, now),
      reachabilityStatus(server(placed()), false, 'why', now),
      withoutHost(server({ ...placed(), hostRejection: { host: 'h1', reason: 'r' } })),
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
    seen = await handle.applyStatus({ metadata, status }, { fieldManager: 'kubenova-controller' })
  }
  await write(waitingStatus(seen, { reason: 'NoValidHost', message: 'none', error: true }, then))
  await write(placedStatus(seen, { host: 'h1', alternates: [], instance }, now))
  expect(Object.keys(seen.status ?? {}).sort()).toEqual([
    'addresses',
    'alternates',
    'conditions',
    'host',
    'instance',
    'observedGeneration',
    'records',
    'vmState',
  ])
  expect(types(seen.status ?? {})).toEqual(['Scheduled', 'Ready'])
})
