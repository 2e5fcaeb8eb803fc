import { describe, expect, it } from 'vitest'
import {
  type Flavor,
  findCondition,
  flavor as flavorKind,
  type HostAggregate,
  hostAggregate,
  type Image,
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
import { type NetworkDeps, reconcileNetwork } from '../network/reconcile.ts'
import { reconcilePort } from '../port/reconcile.ts'
import type { Stores } from '../stores.ts'
import { Bench } from '../testing.ts'
import { reconcileAggregate, reconcileFlavor, reconcileImage, reconcileKeyPair } from './reconcile.ts'

const deps = (bench: Bench) => ({
  stores: bench.stores,
  allocations: bench.services.allocations,
  now: () => bench.now(),
})

async function reconcileLan(bench: Bench, name = 'lan'): Promise<Outcome> {
  const outcome = await reconcileNetwork(`demo/${name}`, deps(bench))
  await bench.fake.waitForCaches()
  return outcome
}
const networkOf = (bench: Bench, name = 'lan') => bench.api.find('networks', `demo/${name}`) as Network | undefined
const readyOf = (bench: Bench) => findCondition(networkOf(bench)?.status?.conditions, 'Ready')

it('reconcileFlavor reports Ready and names the extra specs without effect', async () => {
  await using bench = await Bench.start()
  const extraSpecs = { 'hw:cpu_policy': 'dedicated', 'hw:watchdog_action': 'reset' }
  const spec = { vcpus: 1, ram: 512, disk: 1, extraSpecs }
  await bench.create<Flavor>(flavorKind, { metadata: { name: 'pinned' }, spec })
  await reconcileFlavor('pinned', deps(bench))
  const { status } = bench.api.find('flavors', 'pinned') as Flavor
  expect(findCondition(status?.conditions, 'Ready')).toMatchObject({
    status: 'True',
    message: 'it can be used; without effect here: hw:cpu_policy',
  })
})

describe('reconcileImage', () => {
  const reconcileToReady = async (properties: Record<string, string>) => {
    await using bench = await Bench.start()
    const spec = { url: 'https://example.com/c.img', properties }
    await bench.create<Image>(imageKind, { metadata: { name: 'win', namespace: 'demo' }, spec: spec as Image['spec'] })
    await reconcileImage('demo/win', deps(bench))
    return findCondition((bench.api.find('images', 'demo/win') as Image).status?.conditions, 'Ready')
  }

  it('reports what is without effect and what is unknown', async () => {
    const properties = { hw_cpu_max_sockets: '2', hw_numa_nodes: '2', hw_disk_buss: 'scsi' }
    expect(await reconcileToReady(properties)).toMatchObject({
      status: 'True',
      message: 'it can be used; without effect here: hw_numa_nodes; unknown: hw_disk_buss (hw_disk_bus?)',
    })
  })

  it('reports an image that requires what no host has', async () => {
    const properties = { os_secure_boot: 'required', hw_tpm_version: '2.0', hw_numa_nodes: '2' }
    expect(await reconcileToReady(properties)).toMatchObject({
      status: 'False',
      reason: 'UnsupportedHardware',
      message:
        'no host has what it requires, so no server with it is placed: os_secure_boot=required, hw_tpm_version=2.0; take that out to do without; without effect here: hw_numa_nodes',
    })
  })

  it('names twenty properties at most', async () => {
    const properties = Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`hw_${'x'.repeat(240)}_${i}`, '1']))
    const ready = await reconcileToReady(properties)
    expect(ready?.message).toMatch(/ and 108 more$/)
    expect(ready?.message.length).toBeLessThan(6000)
  })
})

it('reconcileFlavor reports a flavor that requires what no host has', async () => {
  await using bench = await Bench.start()
  const spec = { vcpus: 1, ram: 512, disk: 1, extraSpecs: { 'hw:tpm_version': '2.0' } }
  await bench.create<Flavor>(flavorKind, { metadata: { name: 'tpm' }, spec })
  await reconcileFlavor('tpm', deps(bench))
  const { status } = bench.api.find('flavors', 'tpm') as Flavor
  expect(findCondition(status?.conditions, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'UnsupportedHardware',
    message:
      'no host has what it requires, so no server with it is placed: hw:tpm_version=2.0; take that out to do without',
  })
})

it('reconcileFlavor reports a flavor whose vCPUs do not fit into its limits', async () => {
  await using bench = await Bench.start()
  const extraSpecs = { 'hw:cpu_max_sockets': '2', 'hw:cpu_max_cores': '1', 'hw:cpu_max_threads': '1' }
  const spec = { vcpus: 4, ram: 512, disk: 1, extraSpecs }
  await bench.create<Flavor>(flavorKind, { metadata: { name: 'narrow' }, spec })
  await reconcileFlavor('narrow', deps(bench))
  const { status } = bench.api.find('flavors', 'narrow') as Flavor
  expect(findCondition(status?.conditions, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'InvalidCpuTopology',
    message: expect.stringMatching(/^4 virtual CPUs cannot be made of at most 2 sockets, 1 cores, 1 threads/),
  })
})

describe('observedGeneration of status and Ready condition', () => {
  const rows: [
    kind: Kind,
    spec: object,
    change: object,
    reconcile: (key: string, deps: NetworkDeps & { stores: Stores }) => Promise<Outcome>,
  ][] = [
    [flavorKind, { vcpus: 1, ram: 512, disk: 1 }, { description: 'small' }, reconcileFlavor],
    [imageKind, { url: 'https://example.com/c.img' }, { visibility: 'public' }, reconcileImage],
    [keyPairKind, { publicKey: 'ssh-rsa A' }, { publicKey: 'ssh-rsa B' }, reconcileKeyPair],
    [networkKind, { subnets: [{ cidr: '10.0.0.0/29' }] }, { shared: true }, reconcileNetwork],
    [hostAggregate, { hosts: [] }, { metadata: { ssd: 'true' } }, reconcileAggregate],
  ]
  it.each(rows.map((row) => [row[0].kind, ...row] as const))(
    'follow the spec of a %s',
    async (_, kind, spec, change, reconcile) => {
      await using bench = await Bench.start()
      const metadata = { name: 'x', ...(kind.scope === 'Namespaced' ? { namespace: 'demo' } : {}) }
      const key = keyOf(metadata)
      await bench.create(kind, { metadata: { ...metadata, finalizers: [IN_USE] }, spec })
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

describe('reconcileNetwork', () => {
  it('adds the finalizer first, and then reports Ready', async () => {
    await using bench = await Bench.start()
    await bench.createNetwork()
    await reconcileLan(bench)
    expect(networkOf(bench)?.metadata.finalizers).toEqual([IN_USE])
    await reconcileLan(bench)
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Valid' })
    const { length } = bench.writes
    await reconcileLan(bench)
    expect(bench.writes).toHaveLength(length)
  })

  const pool = { start: 'fd00::10', end: 'fd00::1f' }
  const invalid: [string, Partial<Subnet>, string][] = [
    ['a pool whose end is before its start', { pools: [{ start: pool.end, end: pool.start }] }, 'PoolEndBeforeStart'],
    ['pools that overlap', { pools: [pool, { start: 'fd00::1f', end: 'fd00::20' }] }, 'PoolsOverlap'],
    ['a gateway in a pool', { gateway: 'fd00::11', pools: [pool] }, 'AddressInPool'],
    ['a DHCP address in a pool', { dhcpAddress: 'fd00::11', pools: [pool] }, 'AddressInPool'],
  ]
  it.each(invalid)('reports an invalid IPv6 network with %s', async (_, more, reason) => {
    await using bench = await Bench.start()
    await bench.createNetwork('lan', [{ cidr: 'fd00::/64', ...more }])
    for (let i = 0; i < 2; i++) await reconcileLan(bench)
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason })
  })

  it('reports an overlap with an older network on the same bridge until that network is gone', async () => {
    await using bench = await Bench.start()
    await bench.createNetwork('older', [{ cidr: 'fd00::/48', dhcp: false }], { bridge: 'br0' })
    await bench.clock.advance(2000)
    await bench.createNetwork('lan', [{ cidr: 'fd00::/64' }], { bridge: 'br0' })
    for (let i = 0; i < 2; i++) await reconcileLan(bench)
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'SubnetsOverlap' })
    await bench.stores.networks.api.delete({ name: 'older', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcileLan(bench)
    expect(readyOf(bench)).toMatchObject({ status: 'True' })
  })

  it('reports a server on the address that DHCP would move to, gives no addresses until it is free', async () => {
    await using bench = await Bench.start()
    await bench.createNetwork('lan', [{ cidr: '10.0.0.0/24', dnsServers: ['10.0.0.254'] }])
    const newPort = async (name: string, fixedIPs?: string[]) => {
      const spec = { network: { name: 'lan' }, ...(fixedIPs && { fixedIPs }) }
      await bench.create<Port>(portKind, { metadata: { name, namespace: 'demo' }, spec })
      await reconcilePort(`demo/${name}`, { ...deps(bench), clock: bench.clock })
      await bench.fake.waitForCaches()
    }
    const portOf = (name: string) => bench.api.find('ports', `demo/${name}`) as Port | undefined
    // DHCP would answer from 10.0.0.254 by default, but the Port `resolver` has it, and the subnet lists it as its DNS
    // server.
    await newPort('resolver', ['10.0.0.254'])
    for (let i = 0; i < 2; i++) await reconcileLan(bench)
    expect(readyOf(bench)).toMatchObject({ status: 'True' })

    const spec = { subnets: [{ cidr: '10.0.0.0/24', dhcp: true }] }
    await bench.api.resource<Network>(resourceDefOf(networkKind)).patch({ name: 'lan', namespace: 'demo' }, { spec })
    await bench.fake.waitForCaches()
    expect(await reconcileLan(bench)).toMatchObject({ kind: 'wait', recheckAfter: 30_000 })
    const message =
      'DHCP of 10.0.0.0/24 would answer from 10.0.0.254, which Port demo/resolver has: set dhcpAddress of the subnet to a free address, or delete that port and its server'
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'AddressInUse', message })
    await newPort('next')
    expect(portOf('next')?.status?.fixedIPs).toBeUndefined()

    await bench.stores.ports.api.delete({ name: 'resolver', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcileLan(bench)
    expect(readyOf(bench)).toMatchObject({ status: 'True' })
    await reconcilePort('demo/next', { ...deps(bench), clock: bench.clock })
    expect(portOf('next')?.status?.fixedIPs).toEqual(['10.0.0.1'])
  })

  it('keeps a deleted network until its last port is gone, and names the ports', async () => {
    await using bench = await Bench.start()
    await bench.createNetwork()
    await reconcileLan(bench)
    for (const name of ['a', 'b'])
      await bench.create<Port>(portKind, { metadata: { name, namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await reconcileLan(bench)).toMatchObject({ kind: 'wait' })
    expect(readyOf(bench)).toMatchObject({
      status: 'False',
      reason: 'NetworkInUse',
      message: 'the network is deleted with its last port; there is still Port demo/a and 1 more',
    })
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    for (const name of ['a', 'b']) await ports.delete({ name, namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcileLan(bench)
    expect(networkOf(bench)).toBeUndefined()
  })

  it.each([
    ['deletes a network although an unallocated port of another namespace names it', {}],
    [
      'keeps a deleted network while an allocated port of another namespace is on it',
      { status: { macAddress: 'fa:16:3e:00:00:09', fixedIPs: [] } },
    ],
  ])('%s', async (_, given) => {
    await using bench = await Bench.start()
    await bench.createNetwork()
    await reconcileLan(bench)
    await bench.create<Port>(portKind, {
      metadata: { name: 'a', namespace: 'other' },
      spec: { network: { name: 'lan', namespace: 'demo' } },
      ...given,
    })
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcileLan(bench)
    expect(networkOf(bench) !== undefined).toBe('status' in given)
  })

  it('keeps a deleted network for a port that the cache does not have yet', async () => {
    await using bench = await Bench.start()
    await bench.createNetwork()
    await reconcileLan(bench)
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    bench.api.pauseWatches()
    const ports = bench.api.resource<Port>(resourceDefOf(portKind))
    await ports.create({ metadata: { name: 'a', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await reconcileNetwork('demo/lan', deps(bench))
    expect(networkOf(bench)?.metadata.finalizers).toEqual([IN_USE])
    bench.api.resumeWatches()
  })
})

describe('reconcileAggregate', () => {
  async function reconcileToReady(
    bench: Bench,
    name: string,
  ): Promise<{ reason: string; message: string } | undefined> {
    await reconcileAggregate(name, deps(bench))
    await bench.fake.waitForCaches()
    const found = bench.api.find('hostaggregates', name) as HostAggregate
    return findCondition(found.status?.conditions, 'Ready')
  }
  const createAggregate = (bench: Bench, name: string, spec: HostAggregate['spec']) =>
    bench.create<HostAggregate>(hostAggregate, { metadata: { name }, spec })

  it('names the hosts that do not exist', async () => {
    await using bench = await Bench.start()
    await createAggregate(bench, 'a', { hosts: ['h1'] })
    expect(await reconcileToReady(bench, 'a')).toMatchObject({
      reason: 'HostNotFound',
      message: 'there is no Hypervisor h1',
    })
    await bench.createHost('h1')
    expect(await reconcileToReady(bench, 'a')).toMatchObject({ reason: 'Valid' })
  })

  it('reports a host that is in another zone already, only on the later aggregate', async () => {
    await using bench = await Bench.start()
    await bench.createHost('h1')
    await createAggregate(bench, 'a', { availabilityZone: 'az1', hosts: ['h1'] })
    await createAggregate(bench, 'b', { availabilityZone: 'az2', hosts: ['h1'] })
    await createAggregate(bench, 'c', { availabilityZone: 'az1', hosts: ['h1'] })
    await createAggregate(bench, 'd', { hosts: ['h1'] })
    expect(await reconcileToReady(bench, 'b')).toMatchObject({
      reason: 'HostInOtherZone',
      message: expect.stringContaining('Hypervisor h1 is in zone az1 by HostAggregate a'),
    })
    expect(await reconcileToReady(bench, 'a')).toMatchObject({ reason: 'Valid' })
    expect(await reconcileToReady(bench, 'd')).toMatchObject({ reason: 'Valid' })
  })
})
