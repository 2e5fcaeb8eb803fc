import { describe, expect, it } from 'vitest'
import { FINALIZER, findCondition, type Port, port as portKind, resourceDefOf } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { portKeysOf } from '../indexes.ts'
import { type Bench, startCloud } from '../testing.ts'
import { reconcilePort } from './reconcile.ts'

const createPort = (bench: Bench, name = 'mine', spec: Partial<Port['spec']> = {}): Promise<Port> =>
  bench.create<Port>(portKind, { metadata: { name, namespace: 'demo' }, spec: { network: { name: 'lan' }, ...spec } })

async function reconcile(bench: Bench, name = 'mine'): Promise<Outcome> {
  const { allocations } = bench.services
  const outcome = await reconcilePort(`demo/${name}`, { stores: bench.stores, allocations, clock: bench.clock })
  await bench.fake.waitForCaches()
  return outcome
}
async function reconcileTwice(bench: Bench): Promise<void> {
  await reconcile(bench)
  await reconcile(bench)
}
const statusOf = (bench: Bench, name = 'mine'): Port['status'] =>
  (bench.api.find('ports', `demo/${name}`) as Port).status
const readyOf = (bench: Bench, name = 'mine') => findCondition(statusOf(bench, name)?.conditions, 'Ready')

describe('reconcilePort of a port without server', () => {
  it('allocates an address and a MAC once', async () => {
    await using bench = await startCloud()
    await createPort(bench)
    await reconcile(bench)
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'], macAddress: expect.stringMatching(/^fa:16:3e/) })
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Allocated' })
    const { length } = bench.writes
    await reconcile(bench)
    expect(bench.writes).toHaveLength(length)
    await createPort(bench, 'other')
    await reconcile(bench, 'other')
    expect(statusOf(bench, 'other')?.fixedIPs).toEqual(['10.0.0.3'])
  })

  it('allocates another address to an unused port that shares its address with an older one', async () => {
    await using bench = await startCloud()
    await createPort(bench, 'first', { fixedIPs: ['10.0.0.5'] })
    await reconcile(bench, 'first')
    await createPort(bench)
    const status = { macAddress: 'fa:16:3e:00:00:09', fixedIPs: ['10.0.0.5'] }
    await bench.api.resource<Port>(resourceDefOf(portKind)).patch({ name: 'mine', namespace: 'demo' }, { status })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(statusOf(bench)?.fixedIPs).toEqual(['10.0.0.2'])
    expect(readyOf(bench)).toMatchObject({ status: 'True' })
  })

  it('writes nothing when the port has changed since it was read', async () => {
    await using bench = await startCloud()
    await createPort(bench)
    bench.api.pauseWatches()
    const allocated = { status: { macAddress: 'fa:16:3e:00:00:09', fixedIPs: ['10.0.0.6'] } }
    await bench.api.resource<Port>(resourceDefOf(portKind)).patch({ name: 'mine', namespace: 'demo' }, allocated)
    const { allocations } = bench.services
    const deps = { stores: bench.stores, allocations, clock: bench.clock }
    expect(await reconcilePort('demo/mine', deps)).toMatchObject({ kind: 'done' })
    expect(statusOf(bench)?.fixedIPs).toEqual(['10.0.0.6'])
    bench.api.resumeWatches()
  })

  it('allocates the address and the MAC that the port asks for', async () => {
    await using bench = await startCloud()
    await createPort(bench, 'mine', { fixedIPs: ['10.0.0.5'], macAddress: 'fa:16:3e:00:00:09' })
    await reconcile(bench)
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.0.0.5'], macAddress: 'fa:16:3e:00:00:09' })
  })

  it.each([
    ['a missing network', { network: { name: 'none' } }, 'NetworkNotFound'],
    ['a network of another namespace', { network: { name: 'lan', namespace: 'infra' } }, 'NetworkNotFound'],
    ['an address outside the subnets', { fixedIPs: ['10.9.0.9'] }, 'AddressOutsideSubnets'],
    ['the gateway’s address', { fixedIPs: ['10.0.0.1'] }, 'AddressReserved'],
  ])('reports once why it rejects a port that asks for %s', async (_, spec, reason) => {
    await using bench = await startCloud()
    await createPort(bench, 'mine', spec)
    expect(await reconcile(bench)).toMatchObject({ kind: 'failed', reason })
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason })
    const { length } = bench.writes
    await reconcile(bench)
    expect(bench.writes).toHaveLength(length)
  })

  it('allocates an address when the missing network is created', async () => {
    await using bench = await startCloud()
    await createPort(bench, 'mine', { network: { name: 'late' } })
    await reconcile(bench)
    await bench.createNetwork('late', [{ cidr: '10.7.0.0/24' }])
    await reconcile(bench)
    expect(readyOf(bench)).toMatchObject({ status: 'True' })
  })

  it('allocates nothing on a network that overlaps with an older one on its bridge, until that is gone', async () => {
    await using bench = await startCloud()
    const subnets = [{ cidr: '10.7.0.0/24' }]
    await bench.createNetwork('older', subnets, { bridge: 'br0' })
    await bench.clock.advance(2000)
    await bench.createNetwork('young', subnets, { bridge: 'br0' })
    await createPort(bench, 'mine', { network: { name: 'young' } })
    await createPort(bench, 'other', { network: { name: 'older' } })
    expect(await reconcile(bench)).toMatchObject({ kind: 'failed', reason: 'SubnetsOverlap' })
    expect(readyOf(bench)?.message).toContain('overlaps a subnet of Network demo/older on the same bridge br0')
    await reconcile(bench, 'other')
    expect(statusOf(bench, 'other')).toMatchObject({ fixedIPs: ['10.7.0.1'] })
    await bench.stores.networks.api.delete({ name: 'older', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.7.0.1'] })
  })

  it('keeps the allocation when the network later overlaps with an older one', async () => {
    await using bench = await startCloud()
    await bench.createNetwork('older', [{ cidr: '10.7.0.0/24' }], { bridge: 'br0' })
    await bench.clock.advance(2000)
    const both = [{ cidr: '10.8.0.0/24' }]
    await bench.createNetwork('young', both, { bridge: 'br0' })
    await createPort(bench, 'mine', { network: { name: 'young' } })
    await reconcile(bench)
    const before = statusOf(bench)
    expect(before).toMatchObject({ fixedIPs: ['10.8.0.1'] })
    const subnets = [...both, { cidr: '10.7.0.0/25' }]
    await bench.stores.networks.api.patch({ name: 'young', namespace: 'demo' }, { spec: { subnets } })
    await bench.fake.waitForCaches()
    expect(await reconcile(bench)).toEqual({ kind: 'done' })
    expect(statusOf(bench)).toEqual(before)
  })

  it('allocates nothing on a network with a pool whose end is before its start', async () => {
    await using bench = await startCloud()
    const pools = [{ start: 'fd00::9', end: 'fd00::2' }]
    await bench.createNetwork('wrong', [{ cidr: 'fd00::/64', pools }])
    await createPort(bench, 'mine', { network: { name: 'wrong' } })
    expect(await reconcile(bench)).toMatchObject({ kind: 'failed', reason: 'PoolEndBeforeStart' })
  })

  it('allocates nothing on a terminating network', async () => {
    await using bench = await startCloud()
    await createPort(bench, 'first')
    const networks = bench.stores.networks.api
    await networks.patch(
      { name: 'lan', namespace: 'demo' },
      { metadata: { finalizers: ['compute.kubenova.io/in-use'] } },
    )
    await networks.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await reconcile(bench, 'first')).toMatchObject({ kind: 'failed', reason: 'ReferenceTerminating' })
    expect(readyOf(bench, 'first')?.message).toBe('Network demo/lan is being deleted: name another one')
    expect(statusOf(bench, 'first')).not.toHaveProperty('macAddress')
  })

  it('names the port that has the requested address, and allocates it when that port is gone', async () => {
    await using bench = await startCloud()
    await createPort(bench, 'first', { fixedIPs: ['10.0.0.5'] })
    await reconcile(bench, 'first')
    await bench.clock.advance(60_000)
    await createPort(bench, 'mine', { fixedIPs: ['10.0.0.5'] })
    expect(await reconcile(bench)).toMatchObject({ kind: 'wait', for: 'AddressInUse', recheckAfter: 30_000 })
    expect(readyOf(bench)?.message).toBe('10.0.0.5 is allocated to Port demo/first: delete this port, or that one')
    await bench.api.resource<Port>(resourceDefOf(portKind)).delete({ name: 'first', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.0.0.5'] })
  })

  it('allocates a requested MAC to the older port, and names that port on the other', async () => {
    await using bench = await startCloud()
    const macAddress = 'fa:16:3e:00:00:09'
    await createPort(bench, 'first', { macAddress })
    await bench.clock.advance(2000)
    await createPort(bench, 'mine', { macAddress })
    expect(await reconcile(bench)).toMatchObject({ kind: 'wait', for: 'MACInUse' })
    expect(readyOf(bench)?.message).toBe(`${macAddress} is allocated to Port demo/first: ask for another MAC`)
    await reconcile(bench, 'first')
    expect(statusOf(bench, 'first')).toMatchObject({ macAddress })
    await reconcile(bench)
    expect(statusOf(bench)).not.toHaveProperty('macAddress')
  })

  it('ignores the requests of a port of another namespace that may not have them', async () => {
    await using bench = await startCloud()
    const requested = { fixedIPs: ['10.0.0.5'], macAddress: 'fa:16:3e:00:00:09' }
    await bench.create<Port>(portKind, {
      metadata: { name: 'first', namespace: 'other' },
      spec: { network: { name: 'lan', namespace: 'demo' }, ...requested },
    })
    await bench.clock.advance(2000)
    await createPort(bench, 'mine', requested)
    await reconcile(bench)
    expect(statusOf(bench)).toMatchObject(requested)
  })

  it('retries when no address is free, and reports that from the third attempt on', async () => {
    await using bench = await startCloud()
    await bench.createNetwork('small', [{ cidr: '10.8.0.0/30', gateway: '10.8.0.1', dhcp: false }])
    await createPort(bench, 'first', { network: { name: 'small' } })
    await reconcile(bench, 'first')
    await createPort(bench, 'mine', { network: { name: 'small' } })
    const fails = { kind: 'Transient', code: 'NoFreeAddress' }
    await expect(reconcile(bench)).rejects.toMatchObject(fails)
    expect(readyOf(bench)).toMatchObject({ status: 'Unknown', reason: 'Pending' })
    const { allocations } = bench.services
    const again = reconcilePort('demo/mine', { stores: bench.stores, allocations, clock: bench.clock }, 3)
    await expect(again).rejects.toMatchObject(fails)
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'NoFreeAddress' })
  })

  it('allocates the requested address again after a failed write', async () => {
    await using bench = await startCloud()
    await createPort(bench, 'mine', { fixedIPs: ['10.0.0.5'] })
    bench.fake.life.fail('apply ports', new ApiError({ request: 'fake', status: 503 }))
    await expect(reconcile(bench)).rejects.toMatchObject({ status: 503 })
    await reconcile(bench)
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.0.0.5'] })
  })

  it('does not use up the addresses of a network by failed writes', async () => {
    await using bench = await startCloud()
    await createPort(bench)
    for (let i = 0; i < 6; i++) {
      bench.fake.life.fail('apply ports', new ApiError({ request: 'fake', status: 503 }))
      await expect(reconcile(bench)).rejects.toMatchObject({ status: 503 })
    }
    await reconcile(bench)
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'] })
  })
})

describe('reconcilePort of a port that a server names', () => {
  it('reports the server once it is placed, until it is gone', async () => {
    await using bench = await startCloud('h1')
    await createPort(bench)
    await reconcile(bench)
    const server = await bench.createServer('web', { networks: [{ port: 'mine' }] })
    expect(portKeysOf(server)).toEqual(['demo/mine'])
    await reconcile(bench)
    expect(statusOf(bench)).not.toHaveProperty('server')
    await bench.reconcile()
    await reconcileTwice(bench)
    expect(statusOf(bench)).toMatchObject({ server: 'web', fixedIPs: ['10.0.0.2'] })
    const servers = bench.api.resource(bench.stores.servers.api.def)
    await servers.patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await servers.delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcileTwice(bench)
    expect(statusOf(bench)).not.toHaveProperty('server')
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'] })
  })

  it('keeps a deleted port until its server is gone', async () => {
    await using bench = await startCloud('h1')
    await createPort(bench)
    await reconcile(bench)
    await bench.createServer('web', { networks: [{ port: 'mine' }] }, { finalizers: [FINALIZER] })
    await bench.reconcile()
    await reconcileTwice(bench)
    await bench.stores.ports.api.delete({ name: 'mine', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(readyOf(bench)).toMatchObject({
      status: 'False',
      reason: 'PortInUse',
      message: 'Server web uses the port; the port is deleted when that server is',
    })
    expect(statusOf(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'], server: 'web' })
    await bench.createServer('other', { networks: [{ port: 'mine' }] })
    await bench.reconcile('other')
    expect(findCondition(bench.statusOf('other').conditions, 'Scheduled')?.reason).toBe('ReferenceTerminating')
    const servers = bench.api.resource(bench.stores.servers.api.def)
    await servers.patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await servers.delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(bench.listPorts()).toEqual([])
  })
})

describe('reconcilePort writes nothing', () => {
  it('for ports that were created for a server, and ports that are terminating or gone', async () => {
    await using bench = await startCloud()
    await createPort(bench, 'made', { server: 'web' })
    const metadata = { name: 'going', namespace: 'demo', finalizers: ['example.com/x'] }
    await bench.create<Port>(portKind, { metadata, spec: { network: { name: 'lan' } } })
    await bench.api.resource<Port>(resourceDefOf(portKind)).delete(metadata)
    await bench.fake.waitForCaches()
    for (const name of ['made', 'going', 'gone']) expect(await reconcile(bench, name)).toEqual({ kind: 'done' })
    expect(bench.writes).toEqual([])
  })

  it('when the port was deleted and created again since it was read', async () => {
    await using bench = await startCloud()
    await createPort(bench)
    bench.api.pauseWatches()
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    await ports.delete({ name: 'mine', namespace: 'demo' })
    await reconcileIgnoringErrors(bench)
    expect(bench.listPorts()).toEqual([])
    await ports.create({ metadata: { name: 'mine', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await reconcileIgnoringErrors(bench)
    expect(statusOf(bench)).not.toHaveProperty('fixedIPs')
    bench.api.resumeWatches()
  })
})

async function reconcileIgnoringErrors(bench: Bench): Promise<void> {
  const { allocations } = bench.services
  await reconcilePort('demo/mine', { stores: bench.stores, allocations, clock: bench.clock }).catch(
    (error: unknown) => error,
  )
}
