import { describe, expect, it } from 'vitest'
import { type Interface, type Port, port as portKind, resourceDefOf, type Server } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { resolve } from '../server/resolve.ts'
import { type Bench, cloud } from '../testing.ts'

const ports = (bench: Bench) => bench.api.resource<Port>(resourceDefOf(portKind))
const names = (bench: Bench): string[] => bench.ports().map(({ metadata }) => metadata.name)

/** The interfaces that the server is given, as the placement asks for them. */
async function take(bench: Bench, server: Server): Promise<Interface[]> {
  const { nics } = resolve(server, bench.deps.lookup)
  return bench.fake.life.live(bench.deps.claims.take(server, nics))
}
const lan = (...more: object[]) => ({ networks: [{ name: 'lan' }, ...more] }) as Partial<Server['spec']>
const userPort = (bench: Bench, name = 'mine', more: Partial<Port['spec']> = {}) =>
  bench.make<Port>(portKind, {
    metadata: { name, namespace: 'demo' },
    spec: { network: { name: 'lan' }, ...more },
    status: { macAddress: 'fa:16:3e:aa:bb:cc', fixedIPs: ['10.0.0.4'] },
  })

describe('a port for a server', () => {
  it('is named by its address, made whole, and owned by the server', async () => {
    await using bench = await cloud('h1')
    const server = await bench.server('web', lan())
    const [nic] = await take(bench, server)
    const [port] = bench.ports()
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

  it('gets the address and the MAC that were wished, and its tag', async () => {
    await using bench = await cloud('h1')
    const server = await bench.server('web', {
      networks: [{ name: 'lan', fixedIP: '10.0.0.5', macAddress: 'fa:16:3e:00:00:09', tag: 'front' }],
    })
    expect(await take(bench, server)).toMatchObject([
      { macAddress: 'fa:16:3e:00:00:09', tag: 'front', fixedIPs: [{ address: '10.0.0.5' }] },
    ])
  })

  it('is not one of its user’s that has lost its address to another', async () => {
    await using bench = await cloud('h1')
    await bench.make<Port>(portKind, {
      metadata: { name: 'older', namespace: 'demo' },
      spec: { network: { name: 'lan' } },
      status: { macAddress: 'fa:16:3e:aa:bb:cd', fixedIPs: ['10.0.0.4'] },
    })
    await bench.clock.advance(2000)
    await userPort(bench)
    const server = await bench.server('web', { networks: [{ port: 'mine' }] })
    await expect(take(bench, server)).rejects.toMatchObject({ kind: 'Transient', code: 'AddressInUse' })
  })

  it('never gets the MAC of another, whether that is in the cache yet or not', async () => {
    await using bench = await cloud('h1')
    const networks = [{ name: 'lan', macAddress: 'fa:16:3e:00:00:09' }]
    await take(bench, await bench.server('web', { networks }))
    const other = await bench.server('other', { networks })
    const refused = { kind: 'Refused', code: 'MACInUse', message: expect.stringContaining('is held by Port demo/lan-') }
    await expect(take(bench, other)).rejects.toMatchObject(refused)
    await bench.fake.caughtUp()
    await expect(take(bench, other)).rejects.toMatchObject(refused)
    expect(names(bench)).toHaveLength(1)
  })

  it('on a network without subnets is named by its MAC', async () => {
    await using bench = await cloud('h1')
    await bench.network('flat', [])
    const [nic] = await take(bench, await bench.server('web', { networks: [{ name: 'flat' }] }))
    expect(nic).toMatchObject({ fixedIPs: [] })
    expect(names(bench)).toEqual([`flat-${nic?.macAddress.replaceAll(':', '').replace(/^(.{6})/, '$1-')}`])
  })

  it('is found again: by a second try, by one whose cache is behind, and by another controller', async () => {
    await using bench = await cloud('h1')
    const server = await bench.server('web', lan({ name: 'lan' }))
    bench.api.pauseWatches()
    const first = await take(bench, server)
    expect(await take(bench, server)).toEqual(first)
    bench.api.resumeWatches()
    await bench.fake.caughtUp()
    expect(await take(bench, server)).toEqual(first)
    expect(names(bench)).toEqual(['lan-10-0-0-2', 'lan-10-0-0-3'])
  })

  it('of one of the same name before is not taken for its own', async () => {
    await using bench = await cloud('h1')
    const server = await bench.server('web', lan())
    await take(bench, { ...server, metadata: { ...server.metadata, uid: 'the one before' } })
    await bench.fake.caughtUp()
    const [nic] = await take(bench, server)
    expect(nic?.port).toBe('lan-10-0-0-3')
  })
})

describe('an address', () => {
  it('that another controller has just given away: the next one', async () => {
    await using bench = await cloud('h1')
    bench.api.pauseWatches()
    await ports(bench).create({
      metadata: { name: 'lan-10-0-0-2', namespace: 'demo' },
      spec: { network: { name: 'lan' }, server: 'other' },
    })
    const server = await bench.api.resource<Server>(bench.stores.servers.api.def).create({
      metadata: { name: 'web', namespace: 'demo' },
      spec: { flavor: 'tiny', image: { name: 'cirros' }, ...lan() },
    })
    expect(await take(bench, server)).toMatchObject([{ port: 'lan-10-0-0-3' }])
    bench.api.resumeWatches()
  })

  it('that was wished and is taken is an error, and holds nothing', async () => {
    await using bench = await cloud('h1')
    const one = await bench.server('one', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    await take(bench, one)
    await bench.fake.caughtUp()
    const two = await bench.server('two', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    await expect(take(bench, two)).rejects.toMatchObject({ kind: 'Refused', code: 'AddressInUse' })
    expect(names(bench)).toEqual(['lan-10-0-0-5'])
  })

  it('is free again at once when its port could not be made', async () => {
    await using bench = await cloud('h1')
    const server = await bench.server('web', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    bench.fake.life.fail('create ports', new ApiError({ request: 'fake', status: 503 }))
    await expect(take(bench, server)).rejects.toMatchObject({ status: 503 })
    expect(await take(bench, server)).toMatchObject([{ port: 'lan-10-0-0-5' }])
  })

  it('is to be had no more: says so, and what was made for the server stays', async () => {
    await using bench = await cloud('h1')
    await bench.network('small', [{ cidr: '10.8.0.0/30', dhcp: false }])
    const server = await bench.server('web', { networks: [{ name: 'small' }, { name: 'small' }, { name: 'small' }] })
    await expect(take(bench, server)).rejects.toMatchObject({ kind: 'Transient', code: 'NoFreeAddress' })
    await bench.fake.caughtUp()
    await expect(take(bench, server)).rejects.toMatchObject({ code: 'NoFreeAddress' })
    expect(names(bench)).toEqual(['small-10-8-0-1', 'small-10-8-0-2'])
  })
})

describe('a port that is deleted under its server', () => {
  it('leaves address and MAC to the guest, until that is gone', async () => {
    await using bench = await cloud('h1')
    const networks = [{ name: 'lan', fixedIP: '10.0.0.5', macAddress: 'fa:16:3e:00:00:09' }]
    const one = await bench.server('one', { networks })
    await bench.reconcile('one')
    await ports(bench).delete({ name: 'lan-10-0-0-5', namespace: 'demo' })
    await bench.clock.advance(61_000)
    const two = await bench.server('two', { networks: [{ name: 'lan', fixedIP: '10.0.0.5' }] })
    await expect(take(bench, two)).rejects.toMatchObject({
      kind: 'Transient',
      code: 'AddressInUse',
      message: '10.0.0.5 is used by a server whose Port was deleted, until that ends',
    })
    const three = await bench.server('three', { networks: [{ name: 'lan', macAddress: 'fa:16:3e:00:00:09' }] })
    await expect(take(bench, three)).rejects.toMatchObject({ kind: 'Transient', code: 'MACInUse' })
    const others = await bench.server('others', lan(...Array.from({ length: 4 }, () => ({ name: 'lan' }))))
    await expect(take(bench, others)).rejects.toMatchObject({ code: 'NoFreeAddress' })
    expect(names(bench)).not.toContain('lan-10-0-0-5')
    await bench.api
      .resource<Server>(bench.stores.servers.api.def)
      .patch(one.metadata, { metadata: { finalizers: null } })
    await bench.api.resource<Server>(bench.stores.servers.api.def).delete(one.metadata)
    await bench.fake.caughtUp()
    expect(await take(bench, two)).toMatchObject([{ port: 'lan-10-0-0-5' }])
  })

  it('is not one whose MAC its next server is refused for', async () => {
    await using bench = await cloud('h1')
    const networks = [{ name: 'lan', macAddress: 'fa:16:3e:00:00:09' }]
    await take(bench, await bench.server('one', { networks }))
    await bench.fake.caughtUp()
    await ports(bench).delete({ name: 'lan-10-0-0-2', namespace: 'demo' })
    await bench.fake.caughtUp()
    expect(await take(bench, await bench.server('two', { networks }))).toMatchObject([
      { macAddress: 'fa:16:3e:00:00:09' },
    ])
  })
})

describe('a creation whose answer is lost', () => {
  const noAnswer = new ApiError({ request: 'fake', status: 0 })

  it.each([
    ['was done', 'after' as const],
    ['was not done', 'before' as const],
  ])('and that %s: the next try has one port, though the cache is behind', async (_, when) => {
    await using bench = await cloud('h1')
    const server = await bench.server('web', lan())
    bench.api.pauseWatches()
    bench.fake.life.fail('create ports', noAnswer, { when })
    await expect(take(bench, server)).rejects.toMatchObject({ status: 0 })
    expect(await take(bench, server)).toMatchObject([{ port: 'lan-10-0-0-2' }])
    bench.api.resumeWatches()
    await bench.fake.caughtUp()
    expect(names(bench)).toEqual(['lan-10-0-0-2'])
  })

  it('and whose name another has by then: another address', async () => {
    await using bench = await cloud('h1')
    const server = await bench.server('web', lan())
    bench.api.pauseWatches()
    bench.fake.life.fail('create ports', noAnswer)
    await expect(take(bench, server)).rejects.toMatchObject({ status: 0 })
    await ports(bench).create({
      metadata: { name: 'lan-10-0-0-2', namespace: 'demo' },
      spec: { network: { name: 'lan' }, server: 'other' },
    })
    expect(await take(bench, server)).toMatchObject([{ port: 'lan-10-0-0-3' }])
    bench.api.resumeWatches()
  })
})

describe('a port of the user', () => {
  it('is used as it is', async () => {
    await using bench = await cloud('h1')
    const port = await userPort(bench)
    const server = await bench.server('web', { networks: [{ port: 'mine' }] })
    expect(await take(bench, server)).toMatchObject([
      { port: 'mine', portId: port.metadata.uid, macAddress: 'fa:16:3e:aa:bb:cc', fixedIPs: [{ address: '10.0.0.4' }] },
    ])
    expect(names(bench)).toEqual(['mine'])
  })

  it('that has no MAC yet is waited for', async () => {
    await using bench = await cloud('h1')
    await bench.make<Port>(portKind, {
      metadata: { name: 'mine', namespace: 'demo' },
      spec: { network: { name: 'lan' } },
    })
    // Who cannot use it does not keep others from it.
    for (const name of ['web', 'other']) {
      const server = await bench.server(name, { networks: [{ port: 'mine' }] })
      await expect(take(bench, server)).rejects.toMatchObject({ kind: 'Transient', code: 'PortNotReady' })
    }
  })

  it('is used by one server: by the placed one, and before that by whoever came first', async () => {
    await using bench = await cloud('h1')
    await userPort(bench)
    const [one, two] = [
      await bench.server('one', { networks: [{ port: 'mine' }] }),
      await bench.server('two', { networks: [{ port: 'mine' }] }),
    ]
    await take(bench, one)
    await expect(take(bench, two)).rejects.toMatchObject({ kind: 'Transient', code: 'PortInUse' })
    await take(bench, one)
    await bench.reconcile('one')
    await expect(take(bench, two)).rejects.toMatchObject({
      kind: 'Refused',
      code: 'PortInUse',
      message: expect.stringContaining('is used by Server one'),
    })
  })

  it('is let go of by a placement that came to nothing', async () => {
    await using bench = await cloud('h1')
    await userPort(bench)
    const [one, two] = [
      await bench.server('one', { networks: [{ port: 'mine' }] }),
      await bench.server('two', { networks: [{ port: 'mine' }] }),
    ]
    await take(bench, one)
    await bench.clock.advance(60_000)
    expect(await take(bench, two)).toHaveLength(1)
  })
})
