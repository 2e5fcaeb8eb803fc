import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import { resourceDefOf, type ServerAction } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Bench } from '../testing.ts'
import { reconcileCleanup } from './reconcile.ts'

const HOUR = 3_600_000
const retention = {
  records: { count: 2, maxAgeMs: 100 * HOUR },
  deletions: { count: 1, maxAgeMs: 24 * HOUR },
}

async function withRecords(hoursAgo: number[], more: object = {}): Promise<Bench> {
  const bench = await Bench.start()
  const { metadata } = await bench.createServer()
  const ownerReferences = [
    { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'web', uid: metadata.uid },
  ]
  for (const [i, hours] of hoursAgo.entries()) {
    const status = { phase: 'Succeeded', finishTime: new Date(Date.now() - hours * HOUR).toISOString(), ...more }
    await bench.create<ServerAction>(serverAction, {
      metadata: { name: `web-${i + 1}`, namespace: 'demo', ownerReferences },
      spec: { server: 'web', action: 'stop' },
      status,
    })
  }
  return bench
}
const recordNames = (bench: Bench): string[] => bench.listActions().map(({ metadata }) => metadata.name)

describe('reconcileCleanup', () => {
  it('deletes the action records beyond the count and the age, and then nothing more', async () => {
    await using bench = await withRecords([3, 2, 1, 200])
    await reconcileCleanup('demo/web', bench.stores, retention)
    expect(recordNames(bench)).toEqual(['web-2', 'web-3'])
    await bench.fake.waitForCaches()
    const { length } = bench.writes
    await reconcileCleanup('demo/web', bench.stores, retention)
    expect(bench.writes).toHaveLength(length)
  })

  it('keeps action records that are not finished', async () => {
    await using bench = await withRecords([500, 500, 500], { phase: 'Running' })
    await reconcileCleanup('demo/web', bench.stores, retention)
    expect(recordNames(bench)).toHaveLength(3)
  })

  it('deletes the action records of a server that is gone', async () => {
    await using bench = await withRecords([1])
    const { servers } = bench.stores
    await bench.api
      .resource(servers.api.def)
      .patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await bench.api.resource(servers.api.def).delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcileCleanup('demo/web', bench.stores, retention)
    expect(recordNames(bench)).toEqual([])
  })

  it('ignores that an action record is gone already, and throws other errors', async () => {
    await using bench = await withRecords([3, 2, 1])
    bench.api.pauseWatches()
    await bench.api.resource<ServerAction>(resourceDefOf(serverAction)).delete({ name: 'web-1', namespace: 'demo' })
    await reconcileCleanup('demo/web', bench.stores, retention)
    bench.fake.life.fail('delete', new ApiError({ request: 'fake', status: 500 }))
    await expect(reconcileCleanup('demo/web', bench.stores, retention)).rejects.toMatchObject({ status: 500 })
    bench.api.resumeWatches()
  })
})
