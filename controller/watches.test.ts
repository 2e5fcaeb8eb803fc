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

/** Takes all keys that wait in the queue of a controller now. */
async function taken(controller: string): Promise<string[]> {
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
async function drained(): Promise<void> {
  for (const name of queues.keys()) await taken(name)
}
const servers = () => bench.api.resource<Server>(resourceDefOf(serverKind))

describe('what brings a server back', () => {
  it('its own changes, and its end', async () => {
    await bench.server('web', {}, { finalizers: [] })
    expect(await taken('servers')).toEqual(['demo/web'])
    await bench.agentSays({ vmState: 'active' })
    expect(await taken('servers')).toEqual(['demo/web'])
    await servers().delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await taken('servers')).toEqual(['demo/web'])
  })

  it.each([
    ['Flavor', { flavor: 'tiny' }, () => bench.flavor('tiny')],
    ['Image', { image: { name: 'cirros' } }, () => bench.image('cirros')],
    ['Network', { networks: [{ name: 'lan' }] }, () => bench.network('lan')],
    [
      'KeyPair',
      { keyName: 'k' },
      () =>
        bench.make<KeyPair>(keyPair, { metadata: { name: 'k', namespace: 'demo' }, spec: { publicKey: 'ssh-rsa A' } }),
    ],
  ] as [string, Partial<Server['spec']>, () => Promise<unknown>][])(
    'the %s that it waits for, and no other’s',
    async (_, spec, make) => {
      await bench.server('web', { flavor: 'f', image: { name: 'i' }, ...spec })
      await bench.server('other', { flavor: 'f', image: { name: 'i' } })
      await drained()
      await make()
      expect(await taken('servers')).toEqual(['demo/web'])
    },
  )

  it('the network of a port that it names', async () => {
    await bench.network('lan')
    await bench.make<Port>(port, { metadata: { name: 'mine', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await bench.server('web', { networks: [{ port: 'mine' }] })
    await drained()
    await bench.api
      .resource<Network>(resourceDefOf(network))
      .patch({ name: 'lan', namespace: 'demo' }, { spec: { shared: true } })
    await bench.fake.waitForCaches()
    expect(await taken('servers')).toEqual(['demo/web'])
  })

  it('not what it was placed with: that is copied', async () => {
    await bench.server('web')
    await bench.agentSays({ host: 'h1' })
    await drained()
    await bench.flavor('tiny')
    expect(await taken('servers')).toEqual([])
  })

  it('a host that comes, goes, or is heard of: those on it, and those without one', async () => {
    for (const name of ['on', 'off', 'elsewhere']) await bench.server(name)
    await bench.agentSays({ host: 'h1' }, 'on')
    await bench.agentSays({ host: 'h2' }, 'elsewhere')
    await drained()
    bench.channels.notify(hostLivenessChanged, 'h1')
    expect(await taken('servers')).toEqual(['demo/off', 'demo/on'])
    expect(await taken('hosts')).toEqual(['h1'])
  })

  it.each([
    ['is deleted', () => servers().delete({ name: 'on', namespace: 'demo' })],
    [
      'leaves its host',
      () =>
        servers().applyStatus(
          { metadata: { name: 'on', namespace: 'demo' }, status: { vmState: 'building' } },
          { fieldManager: 'kubenova-agent/h1' },
        ),
    ],
  ])('another that %s: there is room for one that waits', async (_, act) => {
    await bench.server('on', {}, { finalizers: [] })
    await bench.server('waits')
    await bench.agentSays({ host: 'h1' }, 'on')
    await drained()
    await act()
    await bench.fake.waitForCaches()
    expect(await taken('servers')).toContain('demo/waits')
  })

  it('one that its hints name has a host now', async () => {
    await bench.server('on')
    await bench.server('near', { schedulerHints: { sameHost: ['on'] } })
    await bench.server('waits')
    await drained()
    await bench.agentSays({ host: 'h1' }, 'on')
    expect(await taken('servers')).toEqual(['demo/near', 'demo/on'])
  })

  it('an address of its network is free again, also for a port that has none', async () => {
    for (const name of ['lan', 'other']) await bench.network(name)
    await bench.server('waits', { networks: [{ name: 'lan' }] })
    await bench.server('elsewhere', { networks: [{ name: 'other' }] })
    const make = (name: string, more: Partial<Port>) =>
      bench.make<Port>(port, { metadata: { name, namespace: 'demo' }, spec: { network: { name: 'lan' } }, ...more })
    await make('has', { status: { fixedIPs: ['10.0.0.9'], macAddress: 'fa:16:3e:00:00:09' } })
    await make('none', {})
    await make('made', { spec: { network: { name: 'lan' }, server: 'gone' }, status: { fixedIPs: ['10.0.0.8'] } })
    await drained()
    await bench.api.resource<Port>(resourceDefOf(port)).delete({ name: 'made', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await taken('servers')).toEqual(['demo/waits'])
    expect(await taken('ports')).toEqual(['demo/made', 'demo/none'])
  })

  it('a guest has left its address, for a port that waits for one', async () => {
    await bench.network('lan')
    await bench.make<Port>(port, { metadata: { name: 'none', namespace: 'demo' }, spec: { network: { name: 'lan' } } })
    await bench.server('on', {}, { finalizers: [] })
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
    await bench.agentSays({ host: 'h1', instance: { ...placed, interfaces } }, 'on')
    await drained()
    await servers().delete({ name: 'on', namespace: 'demo' })
    await bench.fake.waitForCaches()
    expect(await taken('ports')).toEqual(['demo/none'])
  })

  it('a claim was taken back: those that were refused, not those that wait for something else', async () => {
    for (const name of ['refused', 'waits']) await bench.server(name)
    const why = { type: 'Scheduled', status: 'False', message: '', lastTransitionTime: bench.now() } as const
    await bench.agentSays({ conditions: [{ ...why, reason: 'NoValidHost' }] }, 'refused')
    await bench.agentSays({ conditions: [{ ...why, reason: 'NoFreeAddress' }] }, 'waits')
    await drained()
    bench.channels.notify(roomFreed, undefined)
    expect(await taken('servers')).toEqual([])
    await bench.clock.advance(1000)
    expect(await taken('servers')).toEqual(['demo/refused'])
  })

  it('not every change of another', async () => {
    await bench.server('on')
    await bench.server('waits')
    await bench.agentSays({ host: 'h1' }, 'on')
    await drained()
    await bench.agentSays({ host: 'h1', vmState: 'active' }, 'on')
    expect(await taken('servers')).toEqual(['demo/on'])
  })
})

describe('what else follows', () => {
  it('a deed without a status is decided; its server’s records are counted later', async () => {
    await bench.make<ServerAction>(serverAction, {
      metadata: { name: 'r', namespace: 'demo' },
      spec: { server: 'web', action: 'start', start: {} },
    })
    await bench.make<ServerAction>(serverAction, {
      metadata: { name: 'web-1', namespace: 'demo' },
      spec: { server: 'web', action: 'stop' },
      status: { phase: 'Succeeded' },
    })
    expect(await taken('actions')).toEqual(['demo/r'])
    expect(await taken('serverCleanup')).toEqual([])
    await bench.clock.advance(5000)
    expect(await taken('serverCleanup')).toEqual(['demo/web'])
    await bench.clock.advance(3_600_000)
    expect(await taken('serverCleanup')).toEqual(['demo/web'])
  })

  it('a deed under way, when its server comes to a host', async () => {
    await bench.make<ServerAction>(serverAction, {
      metadata: { name: 'r', namespace: 'demo' },
      spec: { server: 'web', action: 'start', start: {} },
      status: { phase: 'Running' },
    })
    const action = { name: 'r', uid: 'r', action: 'start', admittedAt: '2026-01-01T00:00:00Z' }
    await bench.server('web')
    await bench.agentSays({ activeAction: action })
    await drained()
    await bench.agentSays({ activeAction: action, vmState: 'building' })
    expect(await taken('actions')).toEqual([])
    await bench.agentSays({ activeAction: action, host: 'h1' })
    expect(await taken('actions')).toEqual(['demo/r'])
  })

  it('a server’s ports at once, its host’s figures later', async () => {
    await bench.server('web', { networks: [{ port: 'mine' }] })
    expect(await taken('ports')).toEqual(['demo/mine'])
    await bench.agentSays({ host: 'h1' })
    expect(await taken('hosts')).toEqual([])
    await bench.clock.advance(5000)
    expect(await taken('hosts')).toEqual(['h1'])
  })
})

describe('what others of the same kind, or their users, bring back', () => {
  it('all aggregates, when one changes or a host comes', async () => {
    const aggregate = (name: string) => bench.make(hostAggregate, { metadata: { name }, spec: { hosts: ['h1'] } })
    await aggregate('a')
    await drained()
    await aggregate('b')
    expect(await taken('aggregates')).toEqual(['a', 'b'])
    await bench.host('h1')
    expect(await taken('aggregates')).toEqual(['a', 'b'])
  })

  it('a port whose server is gone: what is left of that one is swept', async () => {
    const owner = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'web', uid: 'gone' }
    const metadata = { name: 'p', namespace: 'demo', ownerReferences: [owner] }
    await bench.make(port, { metadata, spec: { network: { name: 'lan' }, server: 'web' } })
    await bench.clock.advance(5000)
    expect(await taken('serverCleanup')).toEqual(['demo/web'])
    const { metadata: there } = await bench.server('db')
    const of = { ...owner, name: 'db', uid: there.uid }
    await bench.make(port, {
      metadata: { name: 'q', namespace: 'demo', ownerReferences: [of] },
      spec: { network: { name: 'lan' }, server: 'db' },
    })
    await bench.clock.advance(5000)
    expect(await taken('serverCleanup')).toEqual([])
  })

  it('a network whose subnet another has on its bridge, and who waits for it: when that comes, grows or goes', async () => {
    const cidr = 'fd00::/64'
    const { networks } = bench.stores
    await bench.network('b', [{ cidr }], { bridge: 'br0' })
    await bench.network('elsewhere', [{ cidr }], { bridge: 'br1' })
    await bench.network('beside', [{ cidr: 'fd01::/64' }], { bridge: 'br0' })
    await bench.make<Port>(port, { metadata: { name: 'p', namespace: 'demo' }, spec: { network: { name: 'b' } } })
    await bench.server('web', { networks: [{ name: 'b' }] })
    await bench.server('db', { networks: [{ port: 'p' }] })
    await bench.server('other', { networks: [{ name: 'beside' }] })
    const brought = async (): Promise<string[][]> => {
      await bench.fake.waitForCaches()
      return [await taken('networks'), await taken('ports'), await taken('servers')]
    }
    await drained()
    const two = { subnets: [{ cidr: '10.9.0.0/24' }, { cidr }] }
    await bench.network('a', two.subnets.slice(0, 1), { bridge: 'br0' })
    expect(await brought()).toEqual([['demo/a'], [], []])
    const woken = [['demo/a', 'demo/b'], ['demo/p'], ['demo/db', 'demo/web']]
    await networks.api.patch({ name: 'a', namespace: 'demo' }, { spec: two })
    expect(await brought()).toEqual(woken)
    await networks.api.patch({ name: 'a', namespace: 'demo' }, { spec: { shared: true } })
    expect(await brought()).toEqual([['demo/a'], [], []])
    await networks.api.delete({ name: 'a', namespace: 'demo' })
    expect(await brought()).toEqual(woken)
    await bench.network('a', two.subnets, { bridge: 'br0' })
    expect(await brought()).toEqual(woken)
  })

  it('a network that is to go, when a port of it went', async () => {
    await bench.network()
    const metadata = { name: 'p', namespace: 'demo' }
    await bench.make(port, { metadata, spec: { network: { name: 'lan' } } })
    await bench.stores.networks.api.patch({ name: 'lan', namespace: 'demo' }, { metadata: { finalizers: ['x/y'] } })
    await bench.stores.networks.api.delete({ name: 'lan', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await drained()
    await bench.stores.ports.api.delete(metadata)
    await bench.fake.waitForCaches()
    expect(await taken('networks')).toEqual(['demo/lan'])
  })
})
