import { describe, expect, it } from 'vitest'
import {
  type Flavor,
  findCondition,
  flavor as flavorKind,
  type HostAggregate,
  hostAggregate,
  image as imageKind,
  type Kind,
  keyPair as keyPairKind,
  type Network,
  network as networkKind,
  type Port,
  port as portKind,
  resourceDefOf,
  type Subnet,
} from '../../crds/index.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { keyOf } from '../../kube/types.ts'
import { IN_USE } from '../finalizer.ts'
import { reconcileNetwork } from '../network/reconcile.ts'
import type { Stores } from '../stores.ts'
import { Bench } from '../testing.ts'
import { reconcileAggregate, reconcileFlavor, reconcileImage, reconcileKeyPair } from './reconcile.ts'

const deps = (bench: Bench) => ({ stores: bench.stores, now: () => bench.now() })

async function network(bench: Bench, name = 'lan'): Promise<Outcome> {
  const outcome = await reconcileNetwork(`demo/${name}`, deps(bench))
  await bench.fake.waitForCaches()
  return outcome
}
const seen = (bench: Bench, name = 'lan') => bench.api.find('networks', `demo/${name}`) as Network | undefined
const ready = (bench: Bench) => findCondition(seen(bench)?.status?.conditions, 'Ready')

it('a flavor is Ready, and says which of its extra specs change nothing here', async () => {
  await using bench = await Bench.start()
  const extraSpecs = { 'hw:cpu_policy': 'dedicated', 'hw:watchdog_action': 'reset' }
  const spec = { vcpus: 1, ram: 512, disk: 1, extraSpecs }
  await bench.make<Flavor>(flavorKind, { metadata: { name: 'pinned' }, spec })
  await reconcileFlavor('pinned', deps(bench))
  const { status } = bench.api.find('flavors', 'pinned') as Flavor
  expect(findCondition(status?.conditions, 'Ready')).toMatchObject({
    status: 'True',
    message: 'it can be used; without effect here: hw:cpu_policy',
  })
})

describe('observedGeneration', () => {
  const rows: [
    kind: Kind,
    spec: object,
    change: object,
    reconcile: (key: string, deps: { stores: Stores; now(): string }) => Promise<Outcome>,
  ][] = [
    [flavorKind, { vcpus: 1, ram: 512, disk: 1 }, { description: 'small' }, reconcileFlavor],
    [imageKind, { url: 'https://example.com/c.img' }, { visibility: 'public' }, reconcileImage],
    [keyPairKind, { publicKey: 'ssh-rsa A' }, { publicKey: 'ssh-rsa B' }, reconcileKeyPair],
    [networkKind, { subnets: [{ cidr: '10.0.0.0/29' }] }, { shared: true }, reconcileNetwork],
    [hostAggregate, { hosts: [] }, { metadata: { ssd: 'true' } }, reconcileAggregate],
  ]
  it.each(rows.map((row) => [row[0].kind, ...row] as const))(
    'follows the spec of a %s, and so does that of its Ready condition',
    async (_, kind, spec, change, reconcile) => {
      await using bench = await Bench.start()
      const metadata = { name: 'x', ...(kind.scope === 'Namespaced' ? { namespace: 'demo' } : {}) }
      const key = keyOf(metadata)
      await bench.make(kind, { metadata: { ...metadata, finalizers: [IN_USE] }, spec })
      const observed = async (): Promise<object> => {
        await reconcile(key, deps(bench))
        await bench.fake.waitForCaches()
        const { status } = bench.api.find(kind.plural, key) as Flavor
        const ready = findCondition(status?.conditions, 'Ready')
        return { status: status?.observedGeneration, ready: ready?.observedGeneration }
      }
      expect(await observed()).toEqual({ status: 1, ready: 1 })
      await bench.api.resource<Flavor>(resourceDefOf(kind)).patch(metadata, { spec: change })
      await bench.fake.waitForCaches()
      expect(await observed()).toEqual({ status: 2, ready: 2 })
    },
  )
})

describe('a network', () => {
  it('is held from the first look on, and Ready at the second', async () => {
    await using bench = await Bench.start()
    await bench.network()
    await network(bench)
    expect(seen(bench)?.metadata.finalizers).toEqual([IN_USE])
    await network(bench)
    expect(ready(bench)).toMatchObject({ status: 'True', reason: 'Valid' })
    const { length } = bench.writes
    await network(bench)
    expect(bench.writes).toHaveLength(length)
  })

  const pool = { start: 'fd00::10', end: 'fd00::1f' }
  const wrong: [string, Partial<Subnet>, string][] = [
    ['a pool that is upside down', { pools: [{ start: pool.end, end: pool.start }] }, 'PoolEndBeforeStart'],
    ['pools that overlap', { pools: [pool, { start: 'fd00::1f', end: 'fd00::20' }] }, 'PoolsOverlap'],
    ['a gateway in a pool', { gateway: 'fd00::11', pools: [pool] }, 'AddressInPool'],
    ['a DHCP address in a pool', { dhcpAddress: 'fd00::11', pools: [pool] }, 'AddressInPool'],
  ]
  it.each(wrong)('of IPv6 with %s says what is wrong', async (_, more, reason) => {
    await using bench = await Bench.start()
    await bench.network('lan', [{ cidr: 'fd00::/64', ...more }])
    for (let i = 0; i < 2; i++) await network(bench)
    expect(ready(bench)).toMatchObject({ status: 'False', reason })
  })

  it('whose subnet an older one has on its bridge says so until that is gone', async () => {
    await using bench = await Bench.start()
    await bench.network('older', [{ cidr: 'fd00::/48', dhcp: false }], { bridge: 'br0' })
    await bench.clock.advance(2000)
    await bench.network('lan', [{ cidr: 'fd00::/64' }], { bridge: 'br0' })
    for (let i = 0; i < 2; i++) await network(bench)
    expect(ready(bench)).toMatchObject({ status: 'False', reason: 'SubnetsOverlap' })
    await bench.stores.networks.api.delete({ name: 'older', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await network(bench)
    expect(ready(bench)).toMatchObject({ status: 'True' })
  })

  it('that is deleted stays until the last of its ports has gone, and says which', async () => {
    await using bench = await Bench.start()
    await bench.network()
    await network(bench)
    for (const name of ['a', 'b'])
      await bench.make<Port>(portKind, { metadata: { name, namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await network(bench)).toMatchObject({ kind: 'wait' })
    expect(ready(bench)).toMatchObject({
      status: 'False',
      reason: 'NetworkInUse',
      message: 'the network is deleted with its last port; there is still Port demo/a and 1 more',
    })
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    for (const name of ['a', 'b']) await ports.delete({ name, namespace: 'demo' })
    await bench.fake.waitForCaches()
    await network(bench)
    expect(seen(bench)).toBeUndefined()
  })

  it.each([
    ['goes, whatever another namespace asks for', {}],
    ['stays for what another namespace was given', { status: { macAddress: 'fa:16:3e:00:00:09', fixedIPs: [] } }],
  ])('%s', async (_, given) => {
    await using bench = await Bench.start()
    await bench.network()
    await network(bench)
    await bench.make<Port>(portKind, {
      metadata: { name: 'a', namespace: 'other' },
      spec: { network: { name: 'lan', namespace: 'demo' } },
      ...given,
    })
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await network(bench)
    expect(seen(bench) !== undefined).toBe('status' in given)
  })

  it('stays for a port that the cache does not have yet', async () => {
    await using bench = await Bench.start()
    await bench.network()
    await network(bench)
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    bench.api.pauseWatches()
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    await ports.create({ metadata: { name: 'a', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await reconcileNetwork('demo/lan', deps(bench))
    expect(seen(bench)?.metadata.finalizers).toEqual([IN_USE])
    bench.api.resumeWatches()
  })
})

describe('an aggregate', () => {
  async function said(bench: Bench, name: string): Promise<{ reason: string; message: string } | undefined> {
    await reconcileAggregate(name, deps(bench))
    await bench.fake.waitForCaches()
    const found = bench.api.find('hostaggregates', name) as HostAggregate
    return findCondition(found.status?.conditions, 'Ready')
  }
  const make = (bench: Bench, name: string, spec: HostAggregate['spec']) =>
    bench.make<HostAggregate>(hostAggregate, { metadata: { name }, spec })

  it('says which hosts are not there', async () => {
    await using bench = await Bench.start()
    await make(bench, 'a', { hosts: ['h1'] })
    expect(await said(bench, 'a')).toMatchObject({ reason: 'HostNotFound', message: 'there is no Hypervisor h1' })
    await bench.host('h1')
    expect(await said(bench, 'a')).toMatchObject({ reason: 'Valid' })
  })

  it('whose host is in another zone already is told so; the other is not', async () => {
    await using bench = await Bench.start()
    await bench.host('h1')
    await make(bench, 'a', { availabilityZone: 'az1', hosts: ['h1'] })
    await make(bench, 'b', { availabilityZone: 'az2', hosts: ['h1'] })
    await make(bench, 'c', { availabilityZone: 'az1', hosts: ['h1'] })
    await make(bench, 'd', { hosts: ['h1'] })
    expect(await said(bench, 'b')).toMatchObject({
      reason: 'HostInOtherZone',
      message: expect.stringContaining('Hypervisor h1 is in zone az1 by HostAggregate a'),
    })
    expect(await said(bench, 'a')).toMatchObject({ reason: 'Valid' })
    expect(await said(bench, 'd')).toMatchObject({ reason: 'Valid' })
  })
})
