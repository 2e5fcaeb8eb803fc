import { describe, expect, it } from 'vitest'
import { type Port, port as portKind, resourceDefOf, type Server, server as serverKind } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Bench } from '../testing.ts'
import { deleteOrphans } from './orphans.ts'

const owner = (uid: string, kind = 'Server') => ({ apiVersion: 'compute.kubenova.io/v1alpha1', kind, name: 'web', uid })

async function withPort(ownerReferences: object[]): Promise<Bench> {
  const bench = await Bench.start()
  const metadata = { name: 'p', namespace: 'demo', ownerReferences }
  await bench.create<Port>(portKind, { metadata, spec: { network: { name: 'lan' }, server: 'web' } })
  return bench
}
const portsLeftAfterCleanup = async (bench: Bench): Promise<number> => {
  await deleteOrphans('demo/web', bench.stores)
  return bench.listPorts().length
}

describe('deleteOrphans', () => {
  it.each([
    ['deletes', 'a server that is gone', [owner('u1')], 0],
    ['keeps', 'no object', [], 1],
    ['keeps', 'an object that is no server', [owner('u1', 'Cluster')], 1],
  ])('%s a port that is owned by %s', async (_, __, owners, left) => {
    await using bench = await withPort(owners)
    expect(await portsLeftAfterCleanup(bench)).toBe(left)
  })

  it('keeps a port of the current server', async () => {
    await using bench = await Bench.start()
    const { metadata } = await bench.createServer()
    const port = {
      metadata: { name: 'p', namespace: 'demo', ownerReferences: [owner(metadata.uid ?? '')] },
      spec: { network: { name: 'lan' }, server: 'web' },
    }
    await bench.create<Port>(portKind, port)
    expect(await portsLeftAfterCleanup(bench)).toBe(1)
  })

  it('keeps a port of a server that the cache does not have yet', async () => {
    await using bench = await Bench.start()
    bench.api.pauseWatches()
    const servers = bench.api.resource<Server>(resourceDefOf(serverKind))
    const spec = { flavor: 'tiny', image: { name: 'cirros' } }
    const { metadata } = await servers.create({ metadata: { name: 'web', namespace: 'demo' }, spec })
    const port = {
      metadata: { name: 'p', namespace: 'demo', ownerReferences: [owner(metadata.uid ?? '')] },
      spec: { network: { name: 'lan' }, server: 'web' },
    }
    const created = await bench.api.resource<Port>(resourceDefOf(portKind)).create(port)
    // Give the controller a cache of Ports that is newer than its cache of Servers.
    const { cache } = bench.stores.ports
    const ports = { ...bench.stores.ports, cache: { ...cache, byIndex: () => [created] } } as never
    await deleteOrphans('demo/web', { ...bench.stores, ports })
    expect(bench.listPorts()).toHaveLength(1)
    bench.api.resumeWatches()
  })

  it('keeps a new port that has the name of the orphan', async () => {
    await using bench = await withPort([owner('u1')])
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    bench.api.pauseWatches()
    await ports.delete({ name: 'p', namespace: 'demo' })
    await ports.create({ metadata: { name: 'p', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    expect(await portsLeftAfterCleanup(bench)).toBe(1)
    bench.api.resumeWatches()
  })

  it('ignores that an orphan is gone already, and throws other errors', async () => {
    await using bench = await withPort([owner('u1')])
    bench.api.pauseWatches()
    await bench.api.resource<Port>(resourceDefOf(portKind)).delete({ name: 'p', namespace: 'demo' })
    await expect(deleteOrphans('demo/web', bench.stores)).resolves.toEqual({ kind: 'done' })
    bench.fake.life.fail('delete ports', new ApiError({ request: 'fake', status: 503 }))
    await expect(deleteOrphans('demo/web', bench.stores)).rejects.toMatchObject({ status: 503 })
    bench.api.resumeWatches()
  })
})
