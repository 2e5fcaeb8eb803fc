import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { guestOf } from '../../actions/testing.ts'
import { findCondition, resourceDefOf, type Server, type ServerStatus, server as serverKind } from '../../crds/index.ts'
import { FakeApi } from '../../test/fakes/api.ts'
import { deletionPendingStatus, isReachabilityReported, reachableStatus, unreachableStatus } from './reachability.ts'
import { placedStatus, unassignedStatus, unscheduledStatus } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'
const { instance } = guestOf()

function makeServer(status?: ServerStatus): Server {
  const { server: base } = guestOf()
  const { status: _, ...rest } = { ...base, metadata: { ...base.metadata, generation: 4 } }
  return status ? { ...rest, status } : rest
}
const makeCondition = (type: string, status: 'True' | 'False' | 'Unknown', reason = 'Because') => ({
  type,
  status,
  reason,
  message: 'm',
  lastTransitionTime: then,
})
const conditionTypes = (status: { conditions?: { type: string }[] }): string[] =>
  (status.conditions ?? []).map(({ type }) => type)

describe('the status of a Server', () => {
  const makePlaced = () => placedStatus(makeServer(), { host: 'h1', instance }, now)

  it('placedStatus has everything that the agent needs, and no field that the agent would leave out', () => {
    const status = placedStatus(
      makeServer({
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
    expect(conditionTypes(status)).toEqual(['Scheduled', 'Ready'])
  })

  it('placedStatus lists IPv4 and IPv6 addresses', () => {
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
    expect(placedStatus(makeServer(), { host: 'h1', instance: many }, now).addresses).toEqual([
      { network: 'lan', address: '10.0.0.2', version: 4, macAddress: 'fa:16:3e:00:00:01' },
      { network: 'lan', address: '2001:db8::2', version: 6, macAddress: 'fa:16:3e:00:00:01' },
    ])
  })

  it.each([
    [false, 'building', 'scheduling', 'Reconciling'],
    [true, 'error', undefined, 'Stalled'],
  ])(
    'unscheduledStatus with error %s has vmState %s, taskState %s and condition %s',
    (error, vmState, taskState, type) => {
      const status = unscheduledStatus(makeServer(), { reason: 'FlavorNotFound', message: 'why', error }, now)
      expect([status.vmState, status.taskState]).toEqual([vmState, taskState])
      expect(conditionTypes(status)).toEqual(['Scheduled', 'Ready', type])
      expect(status.fault).toEqual(
        error ? { code: 500, message: 'why', details: 'FlavorNotFound', created: now } : undefined,
      )
    },
  )

  it('unscheduledStatus keeps the time of a fault with the same message, and drops earlier reports', () => {
    const why = { reason: 'FlavorNotFound', message: 'why', error: true } as const
    const first = unscheduledStatus(makeServer(), why, then) as ServerStatus
    expect(unscheduledStatus(makeServer(first), why, now).fault?.created).toBe(then)
    const other = unscheduledStatus(makeServer(first), { ...why, error: false }, now)
    expect(conditionTypes(other)).toEqual(['Scheduled', 'Ready', 'Reconciling'])
    expect(other).not.toHaveProperty('fault')
  })

  const makeRejected = (status: ServerStatus): Server =>
    makeServer({ ...makePlaced(), domain: { name: 'd' }, hostRejection: { host: 'h1', reason: 'broken' }, ...status })

  it('unassignedStatus adds the rejection, and keeps the generation that was rejected', () => {
    const was = makeRejected({ observedGeneration: 3, actionRecords: 1, rejectedHosts: [{ host: 'h0', reason: 'r' }] })
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

  it('unassignedStatus does not add the rejection when libvirt did not answer', () => {
    expect(unassignedStatus(makeRejected({}), now, true)).not.toHaveProperty('rejectedHosts')
    const rejectedHosts = [{ host: 'h0', reason: 'r' }]
    expect(unassignedStatus(makeRejected({ rejectedHosts }), now, true).rejectedHosts).toEqual(rejectedHosts)
  })

  it('unassignedStatus keeps at most 16 rejections', () => {
    const rejectedHosts = Array.from({ length: 16 }, (_, i) => ({ host: `h${i}`, reason: 'r' }))
    const status = unassignedStatus(makeRejected({ rejectedHosts, hostRejection: { host: 'h16', reason: 'r' } }), now)
    expect(status.rejectedHosts?.map(({ host }) => host)).toEqual(Array.from({ length: 16 }, (_, i) => `h${i + 1}`))
  })

  it('isReachabilityReported is true after a change was reported, for up and for down', () => {
    const up = makeServer({ ...makePlaced(), domain: { name: 'd' } })
    expect(isReachabilityReported(up, true)).toBe(true)
    expect(isReachabilityReported(up, false)).toBe(false)
    const status = unreachableStatus(up, 'the agent is silent', now)
    const down = makeServer({ ...up.status, ...(status as ServerStatus) })
    expect(isReachabilityReported(down, false)).toBe(true)
    expect(isReachabilityReported(down, true)).toBe(false)
    expect(findCondition(down.status?.conditions, 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'HostDown',
      message: 'the agent is silent',
    })
    expect(conditionTypes(reachableStatus(down))).toEqual(['Ready'])
  })

  it('reachableStatus does not repeat a Ready condition that the agent has written', () => {
    const conditions = [makeCondition('HostReachable', 'False', 'HostDown'), makeCondition('Ready', 'True', 'Running')]
    expect(reachableStatus(makeServer({ ...makePlaced(), domain: { name: 'd' }, conditions }))).toEqual({})
  })

  it('unreachableStatus and deletionPendingStatus keep each other’s condition and its transition time', () => {
    const old = makeServer({
      ...makePlaced(),
      conditions: [
        makeCondition('HostReachable', 'False', 'HostDown'),
        makeCondition('DeletionPending', 'True', 'HostDown'),
      ],
    })
    const changed = { message: 'n', reason: 'HostDown', observedGeneration: 4 }
    expect(unreachableStatus(old, 'n', now).conditions).toEqual([
      makeCondition('DeletionPending', 'True', 'HostDown'),
      { ...makeCondition('HostReachable', 'False'), ...changed },
      { ...makeCondition('Ready', 'Unknown'), ...changed, lastTransitionTime: now },
    ])
    expect(deletionPendingStatus(old, 'n', now).conditions).toEqual([
      makeCondition('HostReachable', 'False', 'HostDown'),
      { ...makeCondition('DeletionPending', 'True'), ...changed },
    ])
  })

  it('fits the schema in every case', () => {
    const why = { reason: 'FlavorNotFound', message: 'why' } as const
    const all = [
      makePlaced(),
      unscheduledStatus(makeServer(), { ...why, error: true }, now),
      unscheduledStatus(makeServer(), { ...why, error: false }, now),
      unreachableStatus(makeServer(makePlaced()), 'why', now),
      deletionPendingStatus(makeServer(makePlaced()), 'why', now),
      unassignedStatus(makeRejected({}), now),
    ]
    for (const status of all) expect([...Value.Errors(serverKind.status, status)]).toEqual([])
  })
})

it('placedStatus removes the fault and conditions of the time before the placement', async () => {
  const api = new FakeApi()
  const handle = api.resource<Server>(resourceDefOf(serverKind))
  const metadata = { name: 'web', namespace: 'demo' }
  let seen = await handle.create({ metadata, spec: { flavor: 'f', image: { name: 'i' } } })
  const write = async (status: object): Promise<void> => {
    seen = await handle.applyStatus({ metadata, status }, { fieldManager: 'kubenova-scheduler' })
  }
  await write(unscheduledStatus(seen, { reason: 'NoValidHost', message: 'none', error: true }, then))
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
  expect(conditionTypes(seen.status ?? {})).toEqual(['Scheduled', 'Ready'])
})
