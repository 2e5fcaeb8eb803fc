import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import {
  type Port,
  port as portKind,
  resourceDefOf,
  type Server,
  type ServerAction,
  server as serverKind,
} from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Bench, startCloud } from '../testing.ts'
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
    ['a server that is gone', [owner('u1')]],
    ['no object, after kubectl delete server --cascade=orphan', []],
    ['an object that is no server', [owner('u1', 'Cluster')]],
  ])('deletes the port of a former server that is owned by %s', async (_, owners) => {
    await using bench = await withPort(owners)
    expect(await portsLeftAfterCleanup(bench)).toBe(0)
  })

  it('keeps the port of a user, which was not created for a server', async () => {
    await using bench = await Bench.start()
    await bench.create<Port>(portKind, {
      metadata: { name: 'p', namespace: 'demo', ownerReferences: [owner('u1')] },
      spec: { network: { name: 'lan' } },
    })
    expect(await portsLeftAfterCleanup(bench)).toBe(1)
  })

  it('keeps a port without owner while a server uses it, and deletes it when that server is being deleted', async () => {
    await using bench = await startCloud('h1')
    await bench.createServer('web', { networks: [{ name: 'lan' }] })
    while (bench.statusOf().host === undefined) await bench.reconcile()
    const [port] = bench.listPorts()
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    await ports.patch(port?.metadata as { name: string }, { metadata: { ownerReferences: null } })
    await bench.fake.waitForCaches()
    expect(await portsLeftAfterCleanup(bench)).toBe(1)
    await bench.api.resource<Server>(resourceDefOf(serverKind)).delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await portsLeftAfterCleanup(bench)).toBe(0)
  })

  it('deletes the port of a former server also if a new server with its name exists', async () => {
    await using bench = await withPort([])
    await bench.createServer()
    expect(await portsLeftAfterCleanup(bench)).toBe(0)
  })

  const actionRows: [string, string, object[], number][] = [
    ['deletes a finished action that a former server owns', 'Succeeded', [owner('u1')], 0],
    ['deletes a running action that a former server owns', 'Running', [owner('u1')], 0],
    ['keeps a finished action without owner', 'Succeeded', [], 1],
    ['keeps a rejected action without owner', 'Rejected', [], 1],
    ['keeps a finished action that an object of another kind owns', 'Failed', [owner('u1', 'Cluster')], 1],
    ['deletes a running action without owner', 'Running', [], 0],
    ['deletes a running action that an object of another kind owns', 'Running', [owner('u1', 'Cluster')], 0],
    ['keeps a request without owner that is not decided yet', 'Pending', [], 1],
  ]
  it.each(actionRows)('%s', async (_, phase, ownerReferences, left) => {
    await using bench = await Bench.start()
    await bench.create<ServerAction>(serverAction, {
      metadata: { name: 'a', namespace: 'demo', ownerReferences },
      spec: { server: 'web', action: 'reboot' },
      status: { phase },
    })
    await deleteOrphans('demo/web', bench.stores)
    expect(bench.listActions()).toHaveLength(left)
  })

  it.each([
    ['keeps', 'the present server', true, 1],
    ['deletes', 'a former server with its name', false, 0],
  ])('%s a running action without owner that was requested of %s', async (_, __, isServerFirst, left) => {
    await using bench = await Bench.start()
    if (isServerFirst) await bench.createServer()
    await bench.create<ServerAction>(serverAction, {
      metadata: { name: 'a', namespace: 'demo' },
      spec: { server: 'web', action: 'reboot' },
      status: { phase: 'Running' },
    })
    await bench.clock.advance(2000)
    if (!isServerFirst) await bench.createServer()
    await deleteOrphans('demo/web', bench.stores)
    expect(bench.listActions()).toHaveLength(left)
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
    // The cache of Ports already has the new Port, but the cache of Servers does not have the Port's Server yet.
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
