import { describe, expect, it } from 'vitest'
import { type Port, port as portKind, resourceDefOf, type Server, server as serverKind } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Bench } from '../testing.ts'
import { deleteOrphans } from './orphans.ts'

const owner = (uid: string, kind = 'Server') => ({ apiVersion: 'compute.kubenova.io/v1alpha1', kind, name: 'web', uid })

async function withPort(ownerReferences: object[]): Promise<Bench> {
  const bench = await Bench.start()
  const metadata = { name: 'p', namespace: 'demo', ownerReferences }
  await bench.make<Port>(portKind, { metadata, spec: { network: { name: 'lan' }, server: 'web' } })
  return bench
}
const swept = async (bench: Bench): Promise<number> => {
  await deleteOrphans('demo/web', bench.stores)
  return bench.ports().length
}

describe('deleteOrphans', () => {
  it.each([
    ['a server that is gone', [owner('u1')], 0],
    ['nobody', [], 1],
    ['something that is no server', [owner('u1', 'Cluster')], 1],
  ])('of what is owned by %s', async (_, owners, left) => {
    await using bench = await withPort(owners)
    expect(await swept(bench)).toBe(left)
  })

  it('leaves what belongs to the server that is there', async () => {
    await using bench = await Bench.start()
    const { metadata } = await bench.server()
    const port = {
      metadata: { name: 'p', namespace: 'demo', ownerReferences: [owner(metadata.uid ?? '')] },
      spec: { network: { name: 'lan' }, server: 'web' },
    }
    await bench.make<Port>(portKind, port)
    expect(await swept(bench)).toBe(1)
  })

  it('leaves what belongs to a server that the cache does not have yet', async () => {
    await using bench = await Bench.start()
    bench.api.pauseWatches()
    const servers = bench.api.resource<Server>(resourceDefOf(serverKind))
    const spec = { flavor: 'tiny', image: { name: 'cirros' } }
    const { metadata } = await servers.create({ metadata: { name: 'web', namespace: 'demo' }, spec })
    const port = {
      metadata: { name: 'p', namespace: 'demo', ownerReferences: [owner(metadata.uid ?? '')] },
      spec: { network: { name: 'lan' }, server: 'web' },
    }
    const made = await bench.api.resource<Port>(resourceDefOf(portKind)).create(port)
    // Of ports the cache is newer.
    const found = { ...bench.stores.ports, cache: { ...bench.stores.ports.cache, byIndex: () => [made] } } as never
    await deleteOrphans('demo/web', { ...bench.stores, ports: found })
    expect(bench.ports()).toHaveLength(1)
    bench.api.resumeWatches()
  })

  it('takes only the very object that it saw: not one of the same name', async () => {
    await using bench = await withPort([owner('u1')])
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    bench.api.pauseWatches()
    await ports.delete({ name: 'p', namespace: 'demo' })
    await ports.create({ metadata: { name: 'p', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    expect(await swept(bench)).toBe(1)
    bench.api.resumeWatches()
  })

  it('bears that another was quicker, and tells of other errors', async () => {
    await using bench = await withPort([owner('u1')])
    bench.api.pauseWatches()
    await bench.api.resource<Port>(resourceDefOf(portKind)).delete({ name: 'p', namespace: 'demo' })
    await expect(deleteOrphans('demo/web', bench.stores)).resolves.toEqual({ kind: 'done' })
    bench.fake.life.fail('delete ports', new ApiError({ request: 'fake', status: 503 }))
    await expect(deleteOrphans('demo/web', bench.stores)).rejects.toMatchObject({ status: 503 })
    bench.api.resumeWatches()
  })
})
