import { describe, expect, it, vi } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import { resourceDefOf, type Server, type ServerAction, server as serverKind } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { type Log, noLog } from '../../kube/log.ts'
import { reconcileServer } from '../server/reconcile.ts'
import { Bench, startCloud } from '../testing.ts'
import { deletedServerFrom, recordDeletion } from './deletion-record.ts'
import { reconcileCleanup } from './reconcile.ts'

const HOUR = 3_600_000
const retention = {
  records: { count: 50, maxAgeMs: 100 * HOUR },
  deletions: { count: 1, maxAgeMs: 24 * HOUR },
}
const serversOf = (bench: Bench) => bench.api.resource<Server>(resourceDefOf(serverKind))

async function deleteServer(bench: Bench, name = 'web'): Promise<void> {
  await serversOf(bench).delete({ name, namespace: 'demo' })
  await bench.fake.waitForCaches()
  await bench.reconcile(name)
  await bench.fake.waitForCaches()
}

const recordsOf = (bench: Bench): ServerAction[] => bench.listActions().filter(({ spec }) => spec.action === 'delete')

describe('the record of a deletion', () => {
  it('has the server without its user data, and its last actions', async () => {
    await using bench = await startCloud()
    const { metadata } = await bench.createServer('web', { userData: '#!/bin/sh', configDrive: true })
    await bench.create<ServerAction>(serverAction, {
      metadata: { name: 'web-1', namespace: 'demo' },
      spec: { server: 'web', action: 'create', user: 'anna' },
      status: { phase: 'Succeeded', startTime: '2026-01-02T03:04:05Z', finishTime: '2026-01-02T03:04:06Z' },
    })
    await deleteServer(bench)
    const [record] = recordsOf(bench)
    expect(record).toMatchObject({
      metadata: { name: `web-deleted-${metadata.uid?.slice(0, 8)}`, namespace: 'demo' },
      spec: { server: 'web', action: 'delete' },
      status: {
        phase: 'Running',
        deletedServer: {
          uuid: metadata.uid,
          server: { metadata: { name: 'web' }, spec: { flavor: 'tiny' } },
          actions: [
            { metadata: { name: 'web-1' }, spec: { action: 'create', user: 'anna' }, status: { phase: 'Succeeded' } },
          ],
        },
      },
    })
    expect(record?.metadata.ownerReferences).toBeUndefined()
    expect(JSON.stringify(record)).not.toContain('#!/bin/sh')
  })

  it('ends when the server is gone, and is kept while a newer server has its name', async () => {
    await using bench = await startCloud()
    await bench.createServer()
    await deleteServer(bench)
    await bench.createServer()
    await bench.fake.waitForCaches()
    await reconcileCleanup('demo/web', bench.stores, retention, Date.parse('2026-03-01T00:00:00Z'))
    expect(recordsOf(bench)).toMatchObject([{ status: { phase: 'Succeeded', finishTime: '2026-03-01T00:00:00.000Z' } }])
  })

  it('goes when it is old, and when the project has newer ones', async () => {
    await using bench = await startCloud()
    for (const [name, minute] of [
      ['a', '00'],
      ['b', '30'],
    ] as const) {
      await bench.createServer(name)
      await deleteServer(bench, name)
      await reconcileCleanup(`demo/${name}`, bench.stores, retention, Date.parse(`2026-03-01T00:${minute}:00Z`))
      await bench.fake.waitForCaches()
    }
    await reconcileCleanup('demo/b', bench.stores, retention, Date.parse('2026-03-01T01:00:00Z'))
    expect(recordsOf(bench).map(({ spec }) => spec.server)).toEqual(['b'])
    await reconcileCleanup('demo/b', bench.stores, retention, Date.parse('2026-03-02T00:31:00Z'))
    expect(recordsOf(bench)).toEqual([])
  })

  it('is written once', async () => {
    await using bench = await startCloud()
    const old = await bench.createServer()
    await deleteServer(bench)
    await recordDeletion(old, bench.stores, bench.now())
    expect(recordsOf(bench)).toHaveLength(1)
  })

  it('is written from the cache when the agent was faster, without the actions of a newer server', async () => {
    await using bench = await startCloud()
    const old = await bench.createServer('web', {}, { finalizers: [] })
    await serversOf(bench).delete({ name: 'web', namespace: 'demo' })
    const newer = await bench.createServer()
    await bench.create<ServerAction>(serverAction, {
      metadata: {
        name: 'web-1',
        namespace: 'demo',
        ownerReferences: [{ apiVersion: newer.apiVersion, kind: 'Server', name: 'web', uid: newer.metadata.uid }],
      },
      spec: { server: 'web', action: 'create' },
      status: { phase: 'Succeeded', startTime: '2026-01-02T03:04:05Z' },
    })
    await recordDeletion(old, bench.stores, bench.now())
    expect(recordsOf(bench)).toMatchObject([{ status: { deletedServer: { uid: old.metadata.uid, actions: [] } } }])
  })

  it('has the cached actions that the garbage collector has already deleted', async () => {
    await using bench = await startCloud()
    const server = await bench.createServer()
    const record = { metadata: { name: 'web-1', namespace: 'demo' }, spec: { server: 'web', action: 'create' } }
    await bench.create<ServerAction>(serverAction, record)
    const list = async () => ({ items: [], metadata: {} })
    const actions = { ...bench.stores.actions, api: Object.assign(Object.create(bench.stores.actions.api), { list }) }
    await recordDeletion(server, { ...bench.stores, actions }, bench.now())
    expect(recordsOf(bench)).toMatchObject([
      { status: { deletedServer: { actions: [{ metadata: { name: 'web-1' } }] } } },
    ])
  })

  it('has 30 actions at most, the newest, with short texts', () => {
    const server = { metadata: { name: 'web', uid: 'u' }, spec: { flavor: 'f' } } as Server
    const records = Array.from({ length: 40 }, (_, i) => ({
      metadata: { name: `web-${i}` },
      spec: { server: 'web', action: 'start' },
      status: { phase: 'Failed', startTime: `2026-01-02T03:04:${10 + i}Z`, message: 'x'.repeat(8000) },
    })) as unknown as ServerAction[]
    const { actions = [] } = deletedServerFrom(server, records)
    expect(actions).toHaveLength(30)
    expect(actions[0]).toMatchObject({ metadata: { name: 'web-39' } })
    expect(JSON.stringify(actions).length).toBeLessThan(25_000)
  })
})

describe('a deletion that cannot be recorded', () => {
  async function startDeletion(status: number, times: number) {
    const bench = await startCloud()
    await bench.createServer()
    await serversOf(bench).delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    bench.fake.life.fail('create serveractions', new ApiError({ request: 'POST', status }), { times })
    const warn = vi.fn<Log['warn']>()
    const reconcile = (attempt: number) =>
      reconcileServer('demo/web', { ...bench.deps, log: { ...noLog, warn } }, attempt)
    return { bench, warn, reconcile }
  }

  it.each([403, 413, 422])('goes on, and is logged, when the API server answers %i', async (status) => {
    const { bench, warn, reconcile } = await startDeletion(status, 1)
    await using _ = bench
    await reconcile(1)
    expect(bench.getServer()).toBeUndefined()
    expect(recordsOf(bench)).toEqual([])
    expect(warn.mock.calls).toMatchObject([
      [{ server: 'demo/web', err: { status } }, expect.stringMatching(/not recorded/)],
    ])
  })

  it('is retried after a transient error, and goes on at the fifth attempt', async () => {
    const { bench, warn, reconcile } = await startDeletion(503, 5)
    await using _ = bench
    for (const attempt of [1, 2, 3, 4]) await expect(reconcile(attempt)).rejects.toMatchObject({ status: 503 })
    expect(warn).not.toHaveBeenCalled()
    expect(bench.getServer()).toBeDefined()
    await reconcile(5)
    expect(bench.getServer()).toBeUndefined()
    expect(warn).toHaveBeenCalledOnce()
  })
})
