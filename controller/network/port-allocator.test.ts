import { describe, expect, it } from 'vitest'
import { type Interface, type Port, port as portKind, resourceDefOf, type Server } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { resolveReferences } from '../server/resolve.ts'
import { type Bench, startCloud } from '../testing.ts'

const ports = (bench: Bench) => bench.api.resource<Port>(resourceDefOf(portKind))
const names = (bench: Bench): string[] => bench.listPorts().map(({ metadata }) => metadata.name)

async function allocate(bench: Bench, server: Server): Promise<Interface[]> {
  const { nics } = resolveReferences(server, bench.deps.lookup)
  return bench.fake.life.runUntilKilled(bench.deps.portAllocator.allocate(server, nics))
}
const onLan = (...more: object[]) => ({ networks: [{ name: 'lan' }, ...more] }) as Partial<Server['spec']>
const userPort = (bench: Bench, name = 'mine', more: Partial<Port['spec']> = {}) =>
  bench.create<Port>(portKind, {
    metadata: { name, namespace: 'demo' },
    spec: { network: { name: 'lan' }, ...more },
    status: { macAddress: 'fa:16:3e:aa:bb:cc', fixedIPs: ['10.0.0.4'] },
  })

describe('a Port that the controller creates', () => {
  it('is named after its address, complete at once, and owned by the server', async () => {
    await using bench = await startCloud('h1')
    const server = await bench.createServer('web', onLan())
    const [nic] = await allocate(bench, server)
    const [port] = bench.listPorts()
    expect(port).toMatchObject({
      metadata: { name: 'lan-10-0-0-2', ownerReferences: [{ kind: 'Server', uid: server.metadata.uid }] },
      spec: { network: { name: 'lan' }, server: 'web', fixedIPs: ['10.0.0.2'] },
      status: { fixedIPs: ['10.0.0.2'], server: 'web', conditions: [{ type: 'Ready', status: 'True' }] },
    })
    expect(nic).toMatchObject({
      port: 'lan-10-0-0-2',
      portId: port?.metadata.uid,
      macAddress: port?.spec.macAddress,
      networkNamespace: 'demo',
    })
    expect(nic?.macAddress).toMatch(/^fa:16:3e/)
  })

  it('gets the address, the MAC and the tag that the server asks for', async () => {
    await using bench = await startCloud('h1')
    const server = await bench.createServer('web', {
      networks: [{ name: 'lan', fixedIP: '10.0.0.5', macAddress: 'fa:16:3e:00:00:09', tag: 'front' }],
    })
    expect(await allocate(bench, server)).toMatchObject([
      { macAddress: 'fa:16:3e:00:00:09', tag: 'front', fixedIPs: [{ address: '10.0.0.5' }] },
    ])
  })

  it('never gets the MAC of another Port, whether the cache has that Port yet or not', async () => {
    await using bench = await startCloud('h1')
    const networks = [{ name: 'lan', macAddress: 'fa:16:3e:00:00:09' }]
    await allocate(bench, await bench.createServer('web', { networks }))
    const other = await bench.createServer('other', { networks })
    const rejection = {
      kind: 'Refused',
      code: 'MACInUse',
      message: expect.stringContaining('is allocated to Port demo/lan-'),
    }
    await expect(allocate(bench, other)).rejects.toMatchObject(rejection)
    await bench.fake.waitForCaches()
    await expect(allocate(bench, other)).rejects.toMatchObject(rejection)
    expect(names(bench)).toHaveLength(1)
  })

  it('is named after its MAC on a network without subnets', async () => {
    await using bench = await startCloud('h1')
    await bench.createNetwork('flat', [])
    const [nic] = await allocate(bench, await bench.createServer('web', { networks: [{ name: 'flat' }] }))
    expect(nic).toMatchObject({ fixedIPs: [] })
    expect(names(bench)).toEqual([`flat-${nic?.macAddress.replaceAll(':', '').replace(/^(.{6})/, '$1-')}`])
  })

  it('is found again by a second attempt, whether the cache has it yet or not', async () => {
    await using bench = await startCloud('h1')
    const server = await bench.createServer('web', onLan({ name: 'lan' }))
    bench.api.pauseWatches()
    const first = await allocate(bench, server)
    expect(await allocate(bench, server)).toEqual(first)
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(await allocate(bench, server)).toEqual(first)
    expect(names(bench)).toEqual(['lan-10-0-0-2', 'lan-10-0-0-3'])
  })

  it('is not found for a new server that has the name of the one it was created for', async () => {
    await using bench = await startCloud('h1')
    const server = await bench.createServer('web', onLan())
    await allocate(bench, { ...server, metadata: { ...server.metadata, uid: 'the one before' } })
    await bench.fake.waitForCaches()
    const [nic] = await allocate(bench, server)
    expect(nic?.port).toBe('lan-10-0-0-3')
  })
})

describe('PortAllocator', () => {
  it('gives the next address when another controller has just taken the first', async () => {
    await using bench = await startCloud('h1')
    bench.api.pauseWatches()
    await ports(bench).create({
      metadata: { name: 'lan-10-0-0-2', namespace: 'demo' },
      spec: { network: { name: 'lan' }, server: 'other' },
    })
    const server = await bench.api.resource<Server>(bench.stores.servers.api.def).create({
      metadata: { name: 'web', namespace: 'demo' },
      spec: { flavor: 'tiny', image: { name: 'cirros' }, ...onLan() },
    })
    expect(await allocate(bench, server)).toMatchObject([{ port: 'lan-10-0-0-3' }])
    bench.api.resumeWatches()
  })

  it('throws when the requested address is in use, and creates nothing', async () => {
    await using bench = await startCloud('h1')
    const one = await bench.createServer('one', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    await allocate(bench, one)
    await bench.fake.waitForCaches()
    const two = await bench.createServer('two', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    await expect(allocate(bench, two)).rejects.toMatchObject({ kind: 'Refused', code: 'AddressInUse' })
    expect(names(bench)).toEqual(['lan-10-0-0-5'])
  })

  it('frees the address at once when its Port could not be created', async () => {
    await using bench = await startCloud('h1')
    const server = await bench.createServer('web', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    bench.fake.life.fail('create ports', new ApiError({ request: 'fake', status: 503 }))
    await expect(allocate(bench, server)).rejects.toMatchObject({ status: 503 })
    expect(await allocate(bench, server)).toMatchObject([{ port: 'lan-10-0-0-5' }])
  })

  it('throws when no address is left, and keeps the Ports that it created for the server', async () => {
    await using bench = await startCloud('h1')
    await bench.createNetwork('small', [{ cidr: '10.8.0.0/30', dhcp: false }])
    const server = await bench.createServer('web', {
      networks: [{ name: 'small' }, { name: 'small' }, { name: 'small' }],
    })
    await expect(allocate(bench, server)).rejects.toMatchObject({ kind: 'Transient', code: 'NoFreeAddress' })
    await bench.fake.waitForCaches()
    await expect(allocate(bench, server)).rejects.toMatchObject({ code: 'NoFreeAddress' })
    expect(names(bench)).toEqual(['small-10-8-0-1', 'small-10-8-0-2'])
  })
})

describe('a Port that is deleted under its server', () => {
  it('leaves its address and MAC in use until the guest is gone', async () => {
    await using bench = await startCloud('h1')
    const networks = [{ name: 'lan', fixedIP: '10.0.0.5', macAddress: 'fa:16:3e:00:00:09' }]
    const one = await bench.createServer('one', { networks })
    await bench.reconcile('one')
    await ports(bench).delete({ name: 'lan-10-0-0-5', namespace: 'demo' })
    await bench.clock.advance(61_000)
    const two = await bench.createServer('two', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    await expect(allocate(bench, two)).rejects.toMatchObject({
      kind: 'Transient',
      code: 'AddressInUse',
      message: '10.0.0.5 is used by a server whose Port was deleted, until that ends',
    })
    const three = await bench.createServer('three', { networks: [{ name: 'lan', macAddress: 'fa:16:3e:00:00:09' }] })
    await expect(allocate(bench, three)).rejects.toMatchObject({ kind: 'Transient', code: 'MACInUse' })
    const others = await bench.createServer('others', onLan(...Array.from({ length: 4 }, () => ({ name: 'lan' }))))
    await expect(allocate(bench, others)).rejects.toMatchObject({ code: 'NoFreeAddress' })
    expect(names(bench)).not.toContain('lan-10-0-0-5')
    await bench.api
      .resource<Server>(bench.stores.servers.api.def)
      .patch(one.metadata, { metadata: { finalizers: null } })
    await bench.api.resource<Server>(bench.stores.servers.api.def).delete(one.metadata)
    await bench.fake.waitForCaches()
    expect(await allocate(bench, two)).toMatchObject([{ port: 'lan-10-0-0-5' }])
  })

  it('leaves its MAC free when its server was never placed', async () => {
    await using bench = await startCloud('h1')
    const networks = [{ name: 'lan', macAddress: 'fa:16:3e:00:00:09' }]
    await allocate(bench, await bench.createServer('one', { networks }))
    await bench.fake.waitForCaches()
    await ports(bench).delete({ name: 'lan-10-0-0-2', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await allocate(bench, await bench.createServer('two', { networks }))).toMatchObject([
      { macAddress: 'fa:16:3e:00:00:09' },
    ])
  })
})

describe('PortAllocator when the answer to a creation is lost', () => {
  const noAnswer = new ApiError({ request: 'fake', status: 0 })

  it.each([
    ['succeeded', 'after' as const],
    ['failed', 'before' as const],
  ])('has one Port after the next attempt when the creation %s, even while the cache lags', async (_, when) => {
    await using bench = await startCloud('h1')
    const server = await bench.createServer('web', onLan())
    bench.api.pauseWatches()
    bench.fake.life.fail('create ports', noAnswer, { when })
    await expect(allocate(bench, server)).rejects.toMatchObject({ status: 0 })
    expect(await allocate(bench, server)).toMatchObject([{ port: 'lan-10-0-0-2' }])
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(names(bench)).toEqual(['lan-10-0-0-2'])
  })

  it('takes another address when another controller has the name by then', async () => {
    await using bench = await startCloud('h1')
    const server = await bench.createServer('web', onLan())
    bench.api.pauseWatches()
    bench.fake.life.fail('create ports', noAnswer)
    await expect(allocate(bench, server)).rejects.toMatchObject({ status: 0 })
    await ports(bench).create({
      metadata: { name: 'lan-10-0-0-2', namespace: 'demo' },
      spec: { network: { name: 'lan' }, server: 'other' },
    })
    expect(await allocate(bench, server)).toMatchObject([{ port: 'lan-10-0-0-3' }])
    bench.api.resumeWatches()
  })
})

describe('a Port of the user', () => {
  it('is used unchanged', async () => {
    await using bench = await startCloud('h1')
    const port = await userPort(bench)
    const server = await bench.createServer('web', { networks: [{ port: 'mine' }] })
    expect(await allocate(bench, server)).toMatchObject([
      { port: 'mine', portId: port.metadata.uid, macAddress: 'fa:16:3e:aa:bb:cc', fixedIPs: [{ address: '10.0.0.4' }] },
    ])
    expect(names(bench)).toEqual(['mine'])
  })

  it('makes the server wait while its address belongs to an older Port', async () => {
    await using bench = await startCloud('h1')
    await bench.create<Port>(portKind, {
      metadata: { name: 'older', namespace: 'demo' },
      spec: { network: { name: 'lan' } },
      status: { macAddress: 'fa:16:3e:aa:bb:cd', fixedIPs: ['10.0.0.4'] },
    })
    await bench.clock.advance(2000)
    await userPort(bench)
    const server = await bench.createServer('web', { networks: [{ port: 'mine' }] })
    await expect(allocate(bench, server)).rejects.toMatchObject({ kind: 'Transient', code: 'AddressInUse' })
  })

  it('makes the server wait while it has no MAC', async () => {
    await using bench = await startCloud('h1')
    await bench.create<Port>(portKind, {
      metadata: { name: 'mine', namespace: 'demo' },
      spec: { network: { name: 'lan' } },
    })
    // No server can use the Port before it is ready, so no attempt may bind it to a server.
    for (const name of ['web', 'other']) {
      const server = await bench.createServer(name, { networks: [{ port: 'mine' }] })
      await expect(allocate(bench, server)).rejects.toMatchObject({ kind: 'Transient', code: 'PortNotReady' })
    }
  })

  it('is used by one server only: the first that asks, and then the one that is placed', async () => {
    await using bench = await startCloud('h1')
    await userPort(bench)
    const [one, two] = [
      await bench.createServer('one', { networks: [{ port: 'mine' }] }),
      await bench.createServer('two', { networks: [{ port: 'mine' }] }),
    ]
    await allocate(bench, one)
    await expect(allocate(bench, two)).rejects.toMatchObject({ kind: 'Transient', code: 'PortInUse' })
    await allocate(bench, one)
    await bench.reconcile('one')
    await expect(allocate(bench, two)).rejects.toMatchObject({
      kind: 'Refused',
      code: 'PortInUse',
      message: expect.stringContaining('is used by Server one'),
    })
  })

  it('is free again when the placement of its first server came to nothing', async () => {
    await using bench = await startCloud('h1')
    await userPort(bench)
    const [one, two] = [
      await bench.createServer('one', { networks: [{ port: 'mine' }] }),
      await bench.createServer('two', { networks: [{ port: 'mine' }] }),
    ]
    await allocate(bench, one)
    await bench.clock.advance(60_000)
    expect(await allocate(bench, two)).toHaveLength(1)
  })
})
