import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import {
  FINALIZER,
  findCondition,
  resourceDefOf,
  type Server,
  type ServerAction,
  server as serverKind,
} from '../../crds/index.ts'
import { type Bench, startCloud } from '../testing.ts'
import { reconcileServer } from './reconcile.ts'

const lan = { networks: [{ name: 'lan' }] }
const readyOf = (bench: Bench) => findCondition(bench.statusOf().conditions, 'Ready')
const reachableOf = (bench: Bench) => findCondition(bench.statusOf().conditions, 'HostReachable')
const serversApi = (bench: Bench) => bench.api.resource<Server>(resourceDefOf(serverKind))

async function startRunning(): Promise<Bench> {
  const bench = await startCloud('h1')
  await bench.createServer('web', lan)
  await bench.reconcile()
  await reportRunning(bench)
  return bench
}

async function reportRunning(bench: Bench): Promise<void> {
  const now = bench.now()
  const conditions = [
    { type: 'Ready', status: 'True' as const, reason: 'Running', message: 'it runs', lastTransitionTime: now },
  ]
  await bench.reportAsAgent({
    vmState: 'active',
    powerState: 'Running',
    actionRecords: 1,
    observedGeneration: 1,
    domain: { name: 'd' },
    conditions,
  })
}

describe('reconcileServer without finalizer', () => {
  it('adds the finalizer before it places the server, and keeps other finalizers', async () => {
    await using bench = await startCloud('h1')
    await bench.createServer('web', {}, { finalizers: ['example.com/x'] })
    await bench.reconcile()
    expect(bench.getServer()?.metadata.finalizers).toEqual(['example.com/x', FINALIZER])
    expect(bench.statusOf()).toEqual({ observedGeneration: -1 })
    await bench.reconcile()
    expect(bench.statusOf().host).toBe('h1')
  })

  it('adds no finalizer when the server has changed or is gone since it was read', async () => {
    await using bench = await startCloud('h1')
    await bench.createServer('web', {}, { finalizers: [] })
    bench.api.pauseWatches()
    await serversApi(bench).patch({ name: 'web', namespace: 'demo' }, { metadata: { labels: { a: 'b' } } })
    await reconcileServer('demo/web', bench.deps)
    expect(bench.getServer()?.metadata.finalizers).toBeUndefined()
    await serversApi(bench).delete({ name: 'web', namespace: 'demo' })
    await reconcileServer('demo/web', bench.deps)
    expect(bench.getServer()).toBeUndefined()
    bench.api.resumeWatches()
  })
})

describe('reconcileServer when the host is down', () => {
  it('reports once that the host is down, and changes nothing else', async () => {
    await using bench = await startRunning()
    await bench.expireLeasesExcept()
    expect(bench.livenessChanges).toContain('h1')
    const { length } = bench.writes
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes).toHaveLength(length + 1)
    expect(readyOf(bench)).toMatchObject({
      status: 'Unknown',
      reason: 'HostDown',
      message: 'the agent of host h1 has stopped renewing its lease',
    })
    expect(reachableOf(bench)).toMatchObject({ status: 'False', reason: 'HostDown' })
    expect(bench.statusOf()).toMatchObject({ host: 'h1', vmState: 'active', powerState: 'Running' })
  })

  it('removes its conditions when the host is up again and the agent has reported', async () => {
    await using bench = await startRunning()
    await bench.expireLeasesExcept()
    await bench.reconcile()
    await bench.renewLease('h1')
    await bench.reconcile()
    expect(reachableOf(bench)).toBeUndefined()
    await reportRunning(bench)
    for (let i = 0; i < 2; i++) await bench.reconcile()
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Running' })
    const { length } = bench.writes
    await bench.reconcile()
    expect(bench.writes).toHaveLength(length)
    await bench.expireLeasesExcept()
    await bench.reconcile()
    expect(readyOf(bench)).toMatchObject({ status: 'Unknown' })
  })

  it('keeps an action in the slot that was admitted at the same time', async () => {
    await using bench = await startRunning()
    await bench.expireLeasesExcept()
    bench.api.pauseWatches()
    const action = { name: 'r', uid: 'u', action: 'reboot', params: { type: 'HARD' }, admittedAt: bench.now() }
    await bench.api
      .resource<Server>(resourceDefOf(serverKind))
      .applyStatus(
        { metadata: { name: 'web', namespace: 'demo' }, status: { activeAction: action } },
        { fieldManager: 'kubenova-admission' },
      )
    await reconcileServer('demo/web', bench.deps)
    expect(bench.statusOf().activeAction?.uid).toBe('u')
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ activeAction: { uid: 'u' } })
    expect(reachableOf(bench)).toMatchObject({ status: 'False' })
  })

  it('does not place a new server on a host that is down', async () => {
    await using bench = await startCloud('h1', 'h2')
    await bench.expireLeasesExcept('h2')
    await bench.createServer()
    await bench.reconcile()
    expect(bench.statusOf().host).toBe('h2')
  })
})

describe('reconcileServer of a running server', () => {
  it('writes nothing', async () => {
    await using bench = await startRunning()
    const { length } = bench.writes
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes).toHaveLength(length)
  })
})

describe('reconcileServer of a deleted server', () => {
  const actionNames = (bench: Bench): string[] => bench.listActions().map(({ metadata }) => metadata.name)
  async function createAction(bench: Bench, name: string, owner?: string): Promise<void> {
    const ownerReferences = owner
      ? [{ apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'web', uid: owner, controller: true }]
      : []
    await bench.create<ServerAction>(serverAction, {
      metadata: { name, namespace: 'demo', ownerReferences },
      spec: { server: 'web', action: 'stop' },
    })
  }

  it('deletes its ports and action records, and keeps a ServerAction that it does not own', async () => {
    await using bench = await startRunning()
    const { uid = '' } = bench.getServer()?.metadata ?? {}
    await createAction(bench, 'web-1', uid)
    await createAction(bench, 'mine')
    await serversApi(bench).patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await serversApi(bench).delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.listPorts()).toEqual([])
    expect(actionNames(bench)).toEqual(['mine'])
  })

  it('deletes its orphans before a new server of the same name is placed, and keeps those of the new one', async () => {
    await using bench = await startRunning()
    const [old] = bench.listPorts()
    await createAction(bench, 'web-1', bench.getServer()?.metadata.uid)
    await serversApi(bench).patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await serversApi(bench).delete({ name: 'web', namespace: 'demo' })
    const { metadata } = await bench.createServer('web', lan)
    await createAction(bench, 'web-2', metadata.uid)
    await bench.reconcile()
    expect(actionNames(bench)).toEqual(['web-2'])
    expect(bench.listPorts()).toHaveLength(1)
    expect(bench.listPorts()[0]?.metadata.uid).not.toBe(old?.metadata.uid)
    expect(bench.listPorts()[0]?.metadata.ownerReferences?.[0]?.uid).toBe(metadata.uid)
  })
})
