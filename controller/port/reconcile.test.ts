import { describe, expect, it } from 'vitest'
import { FINALIZER, findCondition, type Port, port as portKind, resourceDefOf } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { portKeysOf } from '../indexes.ts'
import { type Bench, cloud } from '../testing.ts'
import { reconcilePort } from './reconcile.ts'

const make = (bench: Bench, name = 'mine', spec: Partial<Port['spec']> = {}): Promise<Port> =>
  bench.make<Port>(portKind, { metadata: { name, namespace: 'demo' }, spec: { network: { name: 'lan' }, ...spec } })

async function reconcile(bench: Bench, name = 'mine'): Promise<Outcome> {
  const { allocations } = bench.services
  const outcome = await reconcilePort(`demo/${name}`, { stores: bench.stores, allocations, clock: bench.clock })
  await bench.fake.waitForCaches()
  return outcome
}
/** First the finalizer, then the status. */
async function twice(bench: Bench): Promise<void> {
  await reconcile(bench)
  await reconcile(bench)
}
const seen = (bench: Bench, name = 'mine'): Port['status'] => (bench.api.find('ports', `demo/${name}`) as Port).status
const ready = (bench: Bench, name = 'mine') => findCondition(seen(bench, name)?.conditions, 'Ready')

describe('a port of the user', () => {
  it('is given an address and a MAC, once', async () => {
    await using bench = await cloud()
    await make(bench)
    await reconcile(bench)
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'], macAddress: expect.stringMatching(/^fa:16:3e/) })
    expect(ready(bench)).toMatchObject({ status: 'True', reason: 'Allocated' })
    const { length } = bench.writes
    await reconcile(bench)
    expect(bench.writes).toHaveLength(length)
    await make(bench, 'other')
    await reconcile(bench, 'other')
    expect(seen(bench, 'other')?.fixedIPs).toEqual(['10.0.0.3'])
  })

  it('is given another address when it came to share one, as long as nobody uses it', async () => {
    await using bench = await cloud()
    await make(bench, 'first', { fixedIPs: ['10.0.0.5'] })
    await reconcile(bench, 'first')
    await make(bench)
    const status = { macAddress: 'fa:16:3e:00:00:09', fixedIPs: ['10.0.0.5'] }
    await bench.api.resource<Port>(resourceDefOf(portKind)).patch({ name: 'mine', namespace: 'demo' }, { status })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(seen(bench)?.fixedIPs).toEqual(['10.0.0.2'])
    expect(ready(bench)).toMatchObject({ status: 'True' })
  })

  it('is written only as it was read', async () => {
    await using bench = await cloud()
    await make(bench)
    bench.api.pauseWatches()
    const given = { status: { macAddress: 'fa:16:3e:00:00:09', fixedIPs: ['10.0.0.6'] } }
    await bench.api.resource<Port>(resourceDefOf(portKind)).patch({ name: 'mine', namespace: 'demo' }, given)
    const { allocations } = bench.services
    const deps = { stores: bench.stores, allocations, clock: bench.clock }
    expect(await reconcilePort('demo/mine', deps)).toMatchObject({ kind: 'done' })
    expect(seen(bench)?.fixedIPs).toEqual(['10.0.0.6'])
    bench.api.resumeWatches()
  })

  it('is given what it asks for', async () => {
    await using bench = await cloud()
    await make(bench, 'mine', { fixedIPs: ['10.0.0.5'], macAddress: 'fa:16:3e:00:00:09' })
    await reconcile(bench)
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.0.0.5'], macAddress: 'fa:16:3e:00:00:09' })
  })

  it.each([
    ['no network', { network: { name: 'none' } }, 'NetworkNotFound'],
    ['a network of others', { network: { name: 'lan', namespace: 'infra' } }, 'NetworkNotFound'],
    ['an address that is none of the network’s', { fixedIPs: ['10.9.0.9'] }, 'AddressOutsideSubnets'],
    ['the gateway’s address', { fixedIPs: ['10.0.0.1'] }, 'AddressReserved'],
  ])('that asks for %s is refused, once, and told why', async (_, spec, reason) => {
    await using bench = await cloud()
    await make(bench, 'mine', spec)
    expect(await reconcile(bench)).toMatchObject({ kind: 'failed', reason })
    expect(ready(bench)).toMatchObject({ status: 'False', reason })
    const { length } = bench.writes
    await reconcile(bench)
    expect(bench.writes).toHaveLength(length)
  })

  it('gets its address when its network comes', async () => {
    await using bench = await cloud()
    await make(bench, 'mine', { network: { name: 'late' } })
    await reconcile(bench)
    await bench.network('late', [{ cidr: '10.7.0.0/24' }])
    await reconcile(bench)
    expect(ready(bench)).toMatchObject({ status: 'True' })
  })

  it('is given nothing of a network whose subnet an older one has on its bridge, until that is gone', async () => {
    await using bench = await cloud()
    const subnets = [{ cidr: '10.7.0.0/24' }]
    await bench.network('older', subnets, { bridge: 'br0' })
    await bench.clock.advance(2000)
    await bench.network('young', subnets, { bridge: 'br0' })
    await make(bench, 'mine', { network: { name: 'young' } })
    await make(bench, 'other', { network: { name: 'older' } })
    expect(await reconcile(bench)).toMatchObject({ kind: 'failed', reason: 'SubnetsOverlap' })
    expect(ready(bench)?.message).toContain('overlaps a subnet of Network demo/older on the same bridge br0')
    await reconcile(bench, 'other')
    expect(seen(bench, 'other')).toMatchObject({ fixedIPs: ['10.7.0.1'] })
    await bench.stores.networks.api.delete({ name: 'older', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.7.0.1'] })
  })

  it('keeps what it has when its network comes to overlap with an older one', async () => {
    await using bench = await cloud()
    await bench.network('older', [{ cidr: '10.7.0.0/24' }], { bridge: 'br0' })
    await bench.clock.advance(2000)
    const both = [{ cidr: '10.8.0.0/24' }]
    await bench.network('young', both, { bridge: 'br0' })
    await make(bench, 'mine', { network: { name: 'young' } })
    await reconcile(bench)
    const had = seen(bench)
    expect(had).toMatchObject({ fixedIPs: ['10.8.0.1'] })
    const subnets = [...both, { cidr: '10.7.0.0/25' }]
    await bench.stores.networks.api.patch({ name: 'young', namespace: 'demo' }, { spec: { subnets } })
    await bench.fake.waitForCaches()
    expect(await reconcile(bench)).toEqual({ kind: 'done' })
    expect(seen(bench)).toEqual(had)
  })

  it('is given nothing of a network whose pool is upside down', async () => {
    await using bench = await cloud()
    const pools = [{ start: 'fd00::9', end: 'fd00::2' }]
    await bench.network('wrong', [{ cidr: 'fd00::/64', pools }])
    await make(bench, 'mine', { network: { name: 'wrong' } })
    expect(await reconcile(bench)).toMatchObject({ kind: 'failed', reason: 'PoolEndBeforeStart' })
  })

  it('is given nothing of a network that is being deleted', async () => {
    await using bench = await cloud()
    await make(bench, 'first')
    const networks = bench.stores.networks.api
    await networks.patch(
      { name: 'lan', namespace: 'demo' },
      { metadata: { finalizers: ['compute.kubenova.io/in-use'] } },
    )
    await networks.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await reconcile(bench, 'first')).toMatchObject({ kind: 'failed', reason: 'ReferenceTerminating' })
    expect(ready(bench, 'first')?.message).toBe('Network demo/lan is being deleted: name another one')
    expect(seen(bench, 'first')).not.toHaveProperty('macAddress')
  })

  it('whose address another has is told which; it gets it when that is gone', async () => {
    await using bench = await cloud()
    await make(bench, 'first', { fixedIPs: ['10.0.0.5'] })
    await reconcile(bench, 'first')
    await bench.clock.advance(60_000)
    await make(bench, 'mine', { fixedIPs: ['10.0.0.5'] })
    expect(await reconcile(bench)).toMatchObject({ kind: 'wait', for: 'AddressInUse', recheckAfter: 30_000 })
    expect(ready(bench)?.message).toBe('10.0.0.5 is allocated to Port demo/first: delete this port, or that one')
    await bench.api.resource<Port>(resourceDefOf(portKind)).delete({ name: 'first', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.0.0.5'] })
  })

  it('whose MAC another has is told which; of two that ask at once the older gets it', async () => {
    await using bench = await cloud()
    const macAddress = 'fa:16:3e:00:00:09'
    await make(bench, 'first', { macAddress })
    await bench.clock.advance(2000)
    await make(bench, 'mine', { macAddress })
    expect(await reconcile(bench)).toMatchObject({ kind: 'wait', for: 'MACInUse' })
    expect(ready(bench)?.message).toBe(`${macAddress} is allocated to Port demo/first: ask for another MAC`)
    await reconcile(bench, 'first')
    expect(seen(bench, 'first')).toMatchObject({ macAddress })
    await reconcile(bench)
    expect(seen(bench)).not.toHaveProperty('macAddress')
  })

  it('is not kept waiting by what another namespace asks for and may not have', async () => {
    await using bench = await cloud()
    const wish = { fixedIPs: ['10.0.0.5'], macAddress: 'fa:16:3e:00:00:09' }
    await bench.make<Port>(portKind, {
      metadata: { name: 'first', namespace: 'other' },
      spec: { network: { name: 'lan', namespace: 'demo' }, ...wish },
    })
    await bench.clock.advance(2000)
    await make(bench, 'mine', wish)
    await reconcile(bench)
    expect(seen(bench)).toMatchObject(wish)
  })

  it('waits where no address is free, and says so when it lasts', async () => {
    await using bench = await cloud()
    await bench.network('small', [{ cidr: '10.8.0.0/30', gateway: '10.8.0.1', dhcp: false }])
    await make(bench, 'first', { network: { name: 'small' } })
    await reconcile(bench, 'first')
    await make(bench, 'mine', { network: { name: 'small' } })
    const fails = { kind: 'Transient', code: 'NoFreeAddress' }
    await expect(reconcile(bench)).rejects.toMatchObject(fails)
    expect(ready(bench)).toBeUndefined()
    const { allocations } = bench.services
    const again = reconcilePort('demo/mine', { stores: bench.stores, allocations, clock: bench.clock }, 3)
    await expect(again).rejects.toMatchObject(fails)
    expect(ready(bench)).toMatchObject({ status: 'False', reason: 'NoFreeAddress' })
  })

  it('keeps its address over a write that failed', async () => {
    await using bench = await cloud()
    await make(bench, 'mine', { fixedIPs: ['10.0.0.5'] })
    bench.fake.life.fail('apply ports', new ApiError({ request: 'fake', status: 503 }))
    await expect(reconcile(bench)).rejects.toMatchObject({ status: 503 })
    await reconcile(bench)
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.0.0.5'] })
  })

  it('does not take the last addresses of a network by writes that fail', async () => {
    await using bench = await cloud()
    await make(bench)
    for (let i = 0; i < 6; i++) {
      bench.fake.life.fail('apply ports', new ApiError({ request: 'fake', status: 503 }))
      await expect(reconcile(bench)).rejects.toMatchObject({ status: 503 })
    }
    await reconcile(bench)
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'] })
  })
})

describe('which server uses it', () => {
  it('is the placed one that names it, and nobody when that is gone', async () => {
    await using bench = await cloud('h1')
    await make(bench)
    await reconcile(bench)
    const server = await bench.server('web', { networks: [{ port: 'mine' }] })
    expect(portKeysOf(server)).toEqual(['demo/mine'])
    await reconcile(bench)
    expect(seen(bench)).not.toHaveProperty('server')
    await bench.reconcile()
    await twice(bench)
    expect(seen(bench)).toMatchObject({ server: 'web', fixedIPs: ['10.0.0.2'] })
    const servers = bench.api.resource(bench.stores.servers.api.def)
    await servers.patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await servers.delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await twice(bench)
    expect(seen(bench)).not.toHaveProperty('server')
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'] })
  })

  it('keeps it: deleted, it goes when its server has gone', async () => {
    await using bench = await cloud('h1')
    await make(bench)
    await reconcile(bench)
    await bench.server('web', { networks: [{ port: 'mine' }] }, { finalizers: [FINALIZER] })
    await bench.reconcile()
    await twice(bench)
    await bench.stores.ports.api.delete({ name: 'mine', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(ready(bench)).toMatchObject({
      status: 'False',
      reason: 'PortInUse',
      message: 'Server web uses the port; the port is deleted when that server is',
    })
    expect(seen(bench)).toMatchObject({ fixedIPs: ['10.0.0.2'], server: 'web' })
    await bench.server('other', { networks: [{ port: 'mine' }] })
    await bench.reconcile('other')
    expect(findCondition(bench.status('other').conditions, 'Scheduled')?.reason).toBe('ReferenceTerminating')
    const servers = bench.api.resource(bench.stores.servers.api.def)
    await servers.patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
    await servers.delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(bench.ports()).toEqual([])
  })
})

describe('what is left alone', () => {
  it('ports that were made for a server, and those that are gone or going', async () => {
    await using bench = await cloud()
    await make(bench, 'made', { server: 'web' })
    const metadata = { name: 'going', namespace: 'demo', finalizers: ['example.com/x'] }
    await bench.make<Port>(portKind, { metadata, spec: { network: { name: 'lan' } } })
    await bench.api.resource<Port>(resourceDefOf(portKind)).delete(metadata)
    await bench.fake.waitForCaches()
    for (const name of ['made', 'going', 'gone']) expect(await reconcile(bench, name)).toEqual({ kind: 'done' })
    expect(bench.writes).toEqual([])
  })

  it('one that was deleted and made anew since it was seen', async () => {
    await using bench = await cloud()
    await make(bench)
    bench.api.pauseWatches()
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    await ports.delete({ name: 'mine', namespace: 'demo' })
    await reconcile_(bench)
    expect(bench.ports()).toEqual([])
    await ports.create({ metadata: { name: 'mine', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await reconcile_(bench)
    expect(seen(bench)).toBeUndefined()
    bench.api.resumeWatches()
  })
})

/** On a cache that is behind; errors are the queue's. */
async function reconcile_(bench: Bench): Promise<void> {
  const { allocations } = bench.services
  await reconcilePort('demo/mine', { stores: bench.stores, allocations, clock: bench.clock }).catch(
    (error: unknown) => error,
  )
}
