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
import { type Bench, cloud } from '../testing.ts'
import { reconcileServer } from './reconcile.ts'

const lan = { networks: [{ name: 'lan' }] }
const ready = (bench: Bench) => findCondition(bench.status().conditions, 'Ready')
const reachable = (bench: Bench) => findCondition(bench.status().conditions, 'HostReachable')
const servers = (bench: Bench) => bench.api.resource<Server>(resourceDefOf(serverKind))

/** A server that runs on h1, as its agent says. */
async function running(): Promise<Bench> {
  const bench = await cloud('h1')
  await bench.server('web', lan)
  await bench.reconcile()
  await says(bench)
  return bench
}

async function says(bench: Bench): Promise<void> {
  const now = bench.now()
  const conditions = [
    { type: 'Ready', status: 'True' as const, reason: 'Running', message: 'it runs', lastTransitionTime: now },
  ]
  await bench.agentSays({
    vmState: 'active',
    powerState: 'Running',
    actionRecords: 1,
    observedGeneration: 1,
    domain: { name: 'd' },
    conditions,
  })
}

describe('the finalizer', () => {
  it('is put on first where no policy did, beside those of others', async () => {
    await using bench = await cloud('h1')
    await bench.server('web', {}, { finalizers: ['example.com/x'] })
    await bench.reconcile()
    expect(bench.read()?.metadata.finalizers).toEqual(['example.com/x', FINALIZER])
    expect(bench.status()).toEqual({})
    await bench.reconcile()
    expect(bench.status().host).toBe('h1')
  })

  it('is not put on a server that changed or went meanwhile', async () => {
    await using bench = await cloud('h1')
    await bench.server('web', {}, { finalizers: [] })
    bench.api.pauseWatches()
    await servers(bench).patch({ name: 'web', namespace: 'demo' }, { metadata: { labels: { a: 'b' } } })
    await reconcileServer('demo/web', bench.deps)
    expect(bench.read()?.metadata.finalizers).toBeUndefined()
    await servers(bench).delete({ name: 'web', namespace: 'demo' })
    await reconcileServer('demo/web', bench.deps)
    expect(bench.read()).toBeUndefined()
    bench.api.resumeWatches()
  })
})

describe('a host that falls silent', () => {
  it('is said of its servers once, and nothing else of them changes', async () => {
    await using bench = await running()
    await bench.silence()
    expect(bench.changes).toContain('h1')
    const { length } = bench.writes
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes).toHaveLength(length + 1)
    expect(ready(bench)).toMatchObject({
      status: 'Unknown',
      reason: 'HostDown',
      message: 'the agent of host h1 has stopped renewing its lease',
    })
    expect(reachable(bench)).toMatchObject({ status: 'False', reason: 'HostDown' })
    expect(bench.status()).toMatchObject({ host: 'h1', vmState: 'active', powerState: 'Running' })
  })

  it('and is heard of again: the agent’s word counts again, and nothing of ours stays', async () => {
    await using bench = await running()
    await bench.silence()
    await bench.reconcile()
    await bench.beat('h1')
    await bench.reconcile()
    expect(reachable(bench)).toBeUndefined()
    await says(bench)
    for (let i = 0; i < 2; i++) await bench.reconcile()
    expect(ready(bench)).toMatchObject({ status: 'True', reason: 'Running' })
    const { length } = bench.writes
    await bench.reconcile()
    expect(bench.writes).toHaveLength(length)
    await bench.silence()
    await bench.reconcile()
    expect(ready(bench)).toMatchObject({ status: 'Unknown' })
  })

  it('does not cost a deed its place that was admitted meanwhile', async () => {
    await using bench = await running()
    await bench.silence()
    bench.api.pauseWatches()
    const action = { name: 'r', uid: 'u', action: 'reboot', params: { type: 'HARD' }, admittedAt: bench.now() }
    await bench.api
      .resource<Server>(resourceDefOf(serverKind))
      .applyStatus(
        { metadata: { name: 'web', namespace: 'demo' }, status: { activeAction: action } },
        { fieldManager: 'kubenova-admission' },
      )
    await reconcileServer('demo/web', bench.deps)
    expect(bench.status().activeAction?.uid).toBe('u')
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.status()).toMatchObject({ activeAction: { uid: 'u' } })
    expect(reachable(bench)).toMatchObject({ status: 'False' })
  })

  it('is not given a new server', async () => {
    await using bench = await cloud('h1', 'h2')
    await bench.silence('h2')
    await bench.server()
    await bench.reconcile()
    expect(bench.status().host).toBe('h2')
  })
})

describe('a steady server', () => {
  it('costs no write', async () => {
    await using bench = await running()
    const { length } = bench.writes
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes).toHaveLength(length)
  })
})

describe('what a server leaves', () => {
  const records = (bench: Bench): string[] => bench.actions().map(({ metadata }) => metadata.name)
  async function record(bench: Bench, name: string, owner?: string): Promise<void> {
    const ownerReferences = owner
      ? [{ apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'web', uid: owner, controller: true }]
      : []
    await bench.make<ServerAction>(serverAction, {
      metadata: { name, namespace: 'demo', ownerReferences },
      spec: { server: 'web', action: 'stop' },
    })
  }

  it('goes with it: its ports and its records; what it did not own stays', async () => {
    await using bench = await running()
    const { uid = '' } = bench.read()?.metadata ?? {}
    await record(bench, 'web-1', uid)
    await record(bench, 'mine')
    await servers(bench).patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await servers(bench).delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.ports()).toEqual([])
    expect(records(bench)).toEqual(['mine'])
  })

  it('goes before one of its name is placed; what that one owns stays', async () => {
    await using bench = await running()
    const [old] = bench.ports()
    await record(bench, 'web-1', bench.read()?.metadata.uid)
    await servers(bench).patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await servers(bench).delete({ name: 'web', namespace: 'demo' })
    const { metadata } = await bench.server('web', lan)
    await record(bench, 'web-2', metadata.uid)
    await bench.reconcile()
    expect(records(bench)).toEqual(['web-2'])
    expect(bench.ports()).toHaveLength(1)
    expect(bench.ports()[0]?.metadata.uid).not.toBe(old?.metadata.uid)
    expect(bench.ports()[0]?.metadata.ownerReferences?.[0]?.uid).toBe(metadata.uid)
  })
})
