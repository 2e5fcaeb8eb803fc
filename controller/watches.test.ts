import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serverAction } from '../actions/index.ts'
import {
  hostAggregate,
  type KeyPair,
  keyPair,
  type Network,
  network,
  type Port,
  port,
  resourceDefOf,
  type Server,
  type ServerAction,
  server as serverKind,
} from '../crds/index.ts'
import { connectWatches } from '../kube/controller.ts'
import { WorkQueue } from '../kube/queue.ts'
import { hostLivenessChanged, roomFreed } from './channels.ts'
import { controllers } from './controller.ts'
import { Bench } from './testing.ts'

let bench: Bench
let queues: Map<string, WorkQueue>
beforeEach(async () => {
  bench = await Bench.start()
  const { clock, stores, channels } = bench
  queues = new Map(
    controllers.map((controller) => {
      const queue = new WorkQueue({ name: controller.name, clock })
      connectWatches(controller, { stores, queue, channels, clock })
      return [controller.name, queue]
    }),
  )
})
afterEach(() => bench[Symbol.asyncDispose]())

async function takeQueued(controller: string): Promise<string[]> {
  const queue = queues.get(controller)
  if (!queue) throw new Error(`there is no controller ${controller}`)
  const keys: string[] = []
  while (queue.length > 0) {
    const item = await queue.take()
    if (!item) break
    keys.push(item.key)
    queue.done(item.key)
  }
  return keys.sort()
}
async function drainQueues(): Promise<void> {
  for (const name of queues.keys()) await takeQueued(name)
}
const serversApi = () => bench.api.resource<Server>(resourceDefOf(serverKind))

describe('a server is enqueued', () => {
  it('when it changes or is gone', async () => {
    await bench.createServer('web', {}, { finalizers: [] })
    expect(await takeQueued('servers')).toEqual(['demo/web'])
    await bench.reportAsAgent({ vmState: 'active' })
    expect(await takeQueued('servers')).toEqual(['demo/web'])
    await serversApi().delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await takeQueued('servers')).toEqual(['demo/web'])
  })

  it.each([
    ['Flavor', { flavor: 'tiny' }, () => bench.createFlavor('tiny')],
    ['Image', { image: { name: 'cirros' } }, () => bench.createImage('cirros')],
    ['Network', { networks: [{ name: 'lan' }] }, () => bench.createNetwork('lan')],
    [
      'KeyPair',
      { keyName: 'k' },
      () =>
        bench.create<KeyPair>(keyPair, {
          metadata: { name: 'k', namespace: 'demo' },
          spec: { publicKey: 'ssh-rsa A' },
        }),
    ],
  ] as [string, Partial<Server['spec']>, () => Promise<unknown>][])(
    'when the %s that it names is created, and no other server is',
    async (_, spec, make) => {
      await bench.createServer('web', { flavor: 'f', image: { name: 'i' }, ...spec })
      await bench.createServer('other', { flavor: 'f', image: { name: 'i' } })
      await drainQueues()
      await make()
      expect(await takeQueued('servers')).toEqual(['demo/web'])
    },
  )

  it('when the network of a port that it names changes', async () => {
    await bench.createNetwork('lan')
    await bench.create<Port>(port, {
      metadata: { name: 'mine', namespace: 'demo' },
      spec: { network: { name: 'lan' } },
    })
    await bench.createServer('web', { networks: [{ port: 'mine' }] })
    await drainQueues()
    await bench.api
      .resource<Network>(resourceDefOf(network))
      .patch({ name: 'lan', namespace: 'demo' }, { spec: { shared: true } })
    await bench.fake.waitForCaches()
    expect(await takeQueued('servers')).toEqual(['demo/web'])
  })

  it('no more by the Flavor that it names when it is placed', async () => {
    await bench.createServer('web')
    await bench.reportAsAgent({ host: 'h1' })
    await drainQueues()
    await bench.createFlavor('tiny')
    expect(await takeQueued('servers')).toEqual([])
  })

  it('when it is on a host that goes up or down, or has no host', async () => {
    for (const name of ['on', 'off', 'elsewhere']) await bench.createServer(name)
    await bench.reportAsAgent({ host: 'h1' }, 'on')
    await bench.reportAsAgent({ host: 'h2' }, 'elsewhere')
    await drainQueues()
    bench.channels.notify(hostLivenessChanged, 'h1')
    expect(await takeQueued('servers')).toEqual(['demo/off', 'demo/on'])
    expect(await takeQueued('hosts')).toEqual(['h1'])
  })

  it.each([
    ['is deleted', () => serversApi().delete({ name: 'on', namespace: 'demo' })],
    [
      'leaves its host',
      () =>
        serversApi().applyStatus(
          { metadata: { name: 'on', namespace: 'demo' }, status: { vmState: 'building' } },
          { fieldManager: 'kubenova-agent/h1' },
        ),
    ],
  ])('without a host, when another server %s', async (_, act) => {
    await bench.createServer('on', {}, { finalizers: [] })
    await bench.createServer('waits')
    await bench.reportAsAgent({ host: 'h1' }, 'on')
    await drainQueues()
    await act()
    await bench.fake.waitForCaches()
    expect(await takeQueued('servers')).toContain('demo/waits')
  })

  it('when a server that its hints name is placed', async () => {
    await bench.createServer('on')
    await bench.createServer('near', { schedulerHints: { sameHost: ['on'] } })
    await bench.createServer('waits')
    await drainQueues()
    await bench.reportAsAgent({ host: 'h1' }, 'on')
    expect(await takeQueued('servers')).toEqual(['demo/near', 'demo/on'])
  })

  it('with the ports that have no address, when a port on their network is deleted', async () => {
    for (const name of ['lan', 'other']) await bench.createNetwork(name)
    await bench.createServer('waits', { networks: [{ name: 'lan' }] })
    await bench.createServer('elsewhere', { networks: [{ name: 'other' }] })
    const make = (name: string, more: Partial<Port>) =>
      bench.create<Port>(port, { metadata: { name, namespace: 'demo' }, spec: { network: { name: 'lan' } }, ...more })
    await make('has', { status: { fixedIPs: ['10.0.0.9'], macAddress: 'fa:16:3e:00:00:09' } })
    await make('none', {})
    await make('made', { spec: { network: { name: 'lan' }, server: 'gone' }, status: { fixedIPs: ['10.0.0.8'] } })
    await drainQueues()
    await bench.api.resource<Port>(resourceDefOf(port)).delete({ name: 'made', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await takeQueued('servers')).toEqual(['demo/waits'])
    expect(await takeQueued('ports')).toEqual(['demo/made', 'demo/none'])
  })

  it('when a claim is dropped and it found no host with room, but not if it waits for something else', async () => {
    for (const name of ['unplaced', 'waits']) await bench.createServer(name)
    const why = { type: 'Scheduled', status: 'False', message: '', lastTransitionTime: bench.now() } as const
    await bench.reportAsAgent({ conditions: [{ ...why, reason: 'NoValidHost' }] }, 'unplaced')
    await bench.reportAsAgent({ conditions: [{ ...why, reason: 'NoFreeAddress' }] }, 'waits')
    await drainQueues()
    bench.channels.notify(roomFreed, undefined)
    expect(await takeQueued('servers')).toEqual([])
    await bench.clock.advance(1000)
    expect(await takeQueued('servers')).toEqual(['demo/unplaced'])
  })

  it('not by every change of another server', async () => {
    await bench.createServer('on')
    await bench.createServer('waits')
    await bench.reportAsAgent({ host: 'h1' }, 'on')
    await drainQueues()
    await bench.reportAsAgent({ host: 'h1', vmState: 'active' }, 'on')
    expect(await takeQueued('servers')).toEqual(['demo/on'])
  })
})

describe('a change of another kind enqueues', () => {
  it('a ServerAction without status at once, and the cleanup of its server later', async () => {
    await bench.create<ServerAction>(serverAction, {
      metadata: { name: 'r', namespace: 'demo' },
      spec: { server: 'web', action: 'start', start: {} },
    })
    await bench.create<ServerAction>(serverAction, {
      metadata: { name: 'web-1', namespace: 'demo' },
      spec: { server: 'web', action: 'stop' },
      status: { phase: 'Succeeded' },
    })
    expect(await takeQueued('actions')).toEqual(['demo/r'])
    expect(await takeQueued('serverCleanup')).toEqual([])
    await bench.clock.advance(5000)
    expect(await takeQueued('serverCleanup')).toEqual(['demo/web'])
    await bench.clock.advance(3_600_000)
    expect(await takeQueued('serverCleanup')).toEqual(['demo/web'])
  })

  it('a running ServerAction when its server gets a host', async () => {
    await bench.create<ServerAction>(serverAction, {
      metadata: { name: 'r', namespace: 'demo' },
      spec: { server: 'web', action: 'start', start: {} },
      status: { phase: 'Running' },
    })
    const action = { name: 'r', uid: 'r', action: 'start', admittedAt: '2026-01-01T00:00:00Z' }
    await bench.createServer('web')
    await bench.reportAsAgent({ activeAction: action })
    await drainQueues()
    await bench.reportAsAgent({ activeAction: action, vmState: 'building' })
    expect(await takeQueued('actions')).toEqual([])
    await bench.reportAsAgent({ activeAction: action, host: 'h1' })
    expect(await takeQueued('actions')).toEqual(['demo/r'])
  })

  it('the ports of a server at once, and its host later', async () => {
    await bench.createServer('web', { networks: [{ port: 'mine' }] })
    expect(await takeQueued('ports')).toEqual(['demo/mine'])
    await bench.reportAsAgent({ host: 'h1' })
    expect(await takeQueued('hosts')).toEqual([])
    await bench.clock.advance(5000)
    expect(await takeQueued('hosts')).toEqual(['h1'])
  })
})

describe('a change of a related object enqueues', () => {
  it('a port without address when a placed server on its network is deleted', async () => {
    await bench.createNetwork('lan')
    await bench.create<Port>(port, {
      metadata: { name: 'none', namespace: 'demo' },
      spec: { network: { name: 'lan' } },
    })
    await bench.createServer('on', {}, { finalizers: [] })
    const flavor = { name: 'tiny', vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0 }
    const image = {
      name: 'cirros',
      namespace: 'demo',
      uid: 'i',
      url: 'https://example.com/c',
      format: 'qcow2',
    } as const
    const placed = { uuid: '00000000-0000-4000-8000-000000000001', availabilityZone: 'nova', flavor, image, keys: [] }
    const nic = {
      port: 'p',
      portId: 'u',
      network: 'lan',
      networkNamespace: 'demo',
      networkId: 'n',
      mtu: 1500,
      portSecurity: true,
    }
    const interfaces = [
      { ...nic, macAddress: 'fa:16:3e:00:00:09', fixedIPs: [{ address: '10.0.0.9', prefixLength: 24, dhcp: true }] },
    ]
    await bench.reportAsAgent({ host: 'h1', instance: { ...placed, interfaces } }, 'on')
    await drainQueues()
    await serversApi().delete({ name: 'on', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await takeQueued('ports')).toEqual(['demo/none'])
  })

  it('all aggregates when one changes or a host is created', async () => {
    const aggregate = (name: string) => bench.create(hostAggregate, { metadata: { name }, spec: { hosts: ['h1'] } })
    await aggregate('a')
    await drainQueues()
    await aggregate('b')
    expect(await takeQueued('aggregates')).toEqual(['a', 'b'])
    await bench.createHost('h1')
    expect(await takeQueued('aggregates')).toEqual(['a', 'b'])
  })

  it('the cleanup of a server that is gone but has a port', async () => {
    const owner = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'web', uid: 'gone' }
    const metadata = { name: 'p', namespace: 'demo', ownerReferences: [owner] }
    await bench.create(port, { metadata, spec: { network: { name: 'lan' }, server: 'web' } })
    await bench.clock.advance(5000)
    expect(await takeQueued('serverCleanup')).toEqual(['demo/web'])
    const { metadata: current } = await bench.createServer('db')
    const currentOwner = { ...owner, name: 'db', uid: current.uid }
    await bench.create(port, {
      metadata: { name: 'q', namespace: 'demo', ownerReferences: [currentOwner] },
      spec: { network: { name: 'lan' }, server: 'db' },
    })
    await bench.clock.advance(5000)
    expect(await takeQueued('serverCleanup')).toEqual([])
  })

  it('a network and its waiting ports and servers when one that overlaps is created, grows or is deleted', async () => {
    const cidr = 'fd00::/64'
    const { networks } = bench.stores
    await bench.createNetwork('b', [{ cidr }], { bridge: 'br0' })
    await bench.createNetwork('elsewhere', [{ cidr }], { bridge: 'br1' })
    await bench.createNetwork('beside', [{ cidr: 'fd01::/64' }], { bridge: 'br0' })
    await bench.create<Port>(port, { metadata: { name: 'p', namespace: 'demo' }, spec: { network: { name: 'b' } } })
    await bench.createServer('web', { networks: [{ name: 'b' }] })
    await bench.createServer('db', { networks: [{ port: 'p' }] })
    await bench.createServer('other', { networks: [{ name: 'beside' }] })
    const takeAllQueued = async (): Promise<string[][]> => {
      await bench.fake.waitForCaches()
      return [await takeQueued('networks'), await takeQueued('ports'), await takeQueued('servers')]
    }
    await drainQueues()
    const two = { subnets: [{ cidr: '10.9.0.0/24' }, { cidr }] }
    await bench.createNetwork('a', two.subnets.slice(0, 1), { bridge: 'br0' })
    expect(await takeAllQueued()).toEqual([['demo/a'], [], []])
    const enqueued = [['demo/a', 'demo/b'], ['demo/p'], ['demo/db', 'demo/web']]
    await networks.api.patch({ name: 'a', namespace: 'demo' }, { spec: two })
    expect(await takeAllQueued()).toEqual(enqueued)
    await networks.api.patch({ name: 'a', namespace: 'demo' }, { spec: { shared: true } })
    expect(await takeAllQueued()).toEqual([['demo/a'], [], []])
    await networks.api.delete({ name: 'a', namespace: 'demo' })
    expect(await takeAllQueued()).toEqual(enqueued)
    await bench.createNetwork('a', two.subnets, { bridge: 'br0' })
    expect(await takeAllQueued()).toEqual(enqueued)
  })

  it('a terminating network when a port on it is deleted', async () => {
    await bench.createNetwork()
    const metadata = { name: 'p', namespace: 'demo' }
    await bench.create(port, { metadata, spec: { network: { name: 'lan' } } })
    await bench.stores.networks.api.patch({ name: 'lan', namespace: 'demo' }, { metadata: { finalizers: ['x/y'] } })
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await drainQueues()
    await bench.stores.ports.api.delete(metadata)
    await bench.fake.waitForCaches()
    expect(await takeQueued('networks')).toEqual(['demo/lan'])
  })
})
