/** A cloud's objects and the controller's parts over the API server in memory, for the tests of this folder. */
import {
  FINALIZER,
  type Flavor,
  flavor as flavorKind,
  type Hypervisor,
  hypervisor as hypervisorKind,
  type Image,
  image as imageKind,
  type Network,
  network as networkKind,
  type Port,
  resourceDefOf,
  type Server,
  type ServerAction,
  type ServerStatus,
  type Subnet,
  server as serverKind,
} from '../crds/index.ts'
import type { Kind } from '../crds/schema.ts'
import { type Lease, leases } from '../kube/builtin-kinds.ts'
import { Channels } from '../kube/channel.ts'
import { toMicroTime } from '../kube/clock.ts'
import type { EventDetails } from '../kube/events.ts'
import { noLog } from '../kube/log.ts'
import { parseOptions } from '../kube/options.ts'
import type { Outcome } from '../kube/outcome.ts'
import type { FakeClock } from '../kube/testing/fake-clock.ts'
import type { KubeObject } from '../kube/types.ts'
import type { FakeApi } from '../test/fakes/api.ts'
import type { Life } from '../test/fakes/life.ts'
import { FakeStores } from '../test/fakes/stores.ts'
import { hostLivenessChanged, roomFreed } from './channels.ts'
import type { Hosts } from './host/hosts.ts'
import type { HostViews } from './host/views.ts'
import { ControllerOptions } from './options.ts'
import { type HostOverrides, makeHypervisor } from './scheduler/testing.ts'
import { serverDeps } from './server/controller.ts'
import { reconcileServer, type ServerDeps } from './server/reconcile.ts'
import { createServices, type Services } from './services.ts'
import type { Stores } from './stores.ts'

export const LEASE_SECONDS = 40
const SYSTEM = 'kubenova-system'
const USER = { fieldManager: 'user' }
const agentOf = (host: string) => ({ fieldManager: `kubenova-agent/${host}` })

const defaults = parseOptions(ControllerOptions, { args: [], env: {}, prefix: 'TEST' })

/** The controller's stores and services, without its queues: tests call the reconcilers themselves. */
export class Bench implements AsyncDisposable {
  readonly fake: FakeStores
  readonly channels = new Channels()
  readonly services: Services
  readonly deps: ServerDeps
  /** How often a placement was given up. */
  rooms = 0
  /** Hosts that were told of as up or down. */
  readonly changes: string[] = []
  readonly events: EventDetails[] = []

  private constructor(fake: FakeStores) {
    this.fake = fake
    const { stores, clock, leases } = fake
    const { channels } = this
    channels.on(hostLivenessChanged, (host) => void this.changes.push(host))
    channels.on(roomFreed, () => void (this.rooms += 1))
    const kube = { ...fake.kube, clock }
    const events = {
      event: (happening: EventDetails) => void this.events.push(happening),
      flush: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }
    const services = createServices(stores, {
      kube,
      leases,
      channels,
      options: { ...defaults, namespace: SYSTEM },
      log: noLog,
    })
    this.services = { ...services, events }
    this.deps = serverDeps(stores, this.services)
  }

  static async start(api?: FakeApi, life?: Life): Promise<Bench> {
    const bench = new Bench(new FakeStores(api, life))
    await bench.fake.start()
    return bench
  }

  get api(): FakeApi {
    return this.fake.api
  }

  get stores(): Stores {
    return this.fake.stores
  }

  get hosts(): Hosts {
    return this.services.hosts
  }

  get views(): HostViews {
    return this.services.views
  }

  get clock(): FakeClock {
    return this.fake.clock
  }

  now(): string {
    return this.clock.wall().toISOString()
  }

  /** Written by someone else than the controller, and seen by it. */
  async make<T extends KubeObject>(kind: Kind, object: object): Promise<T> {
    const made = await this.api.resource<T>(resourceDefOf(kind)).create(object as never, USER)
    await this.fake.waitForCaches()
    return made
  }

  flavor(name = 'tiny', spec: Partial<Flavor['spec']> = {}): Promise<Flavor> {
    return this.make(flavorKind, { metadata: { name }, spec: { vcpus: 1, ram: 1024, disk: 10, ...spec } })
  }

  image(name = 'cirros', spec: Partial<Image['spec']> = {}): Promise<Image> {
    return this.make(imageKind, {
      metadata: { name, namespace: 'demo' },
      spec: { url: 'https://example.com/c.img', ...spec },
    })
  }

  network(
    name = 'lan',
    subnets: Partial<Subnet>[] = [{ cidr: '10.0.0.0/29', gateway: '10.0.0.1' }],
    spec: Partial<Network['spec']> = {},
  ): Promise<Network> {
    return this.make(networkKind, { metadata: { name, namespace: 'demo' }, spec: { subnets, ...spec } })
  }

  /** A host whose agent has reported and beats. */
  async host(name: string, words: HostOverrides = {}): Promise<void> {
    const { spec, status = {} } = makeHypervisor(name, words)
    const { state: _, ...reported } = status
    const handle = this.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))
    await handle.create({ metadata: { name }, spec }, USER)
    await handle.applyStatus({ metadata: { name }, status: reported }, agentOf(name))
    await this.beat(name)
  }

  async beat(name: string): Promise<void> {
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: toMicroTime(this.clock.wall()),
    }
    await this.api.resource<Lease>(leases).apply({ metadata: { name, namespace: SYSTEM }, spec }, agentOf(name))
    await this.fake.waitForCaches()
  }

  /** All leases run out but those of the hosts that go on beating; `witness` beats too, so that the silence is known for one. */
  async silence(...alive: string[]): Promise<void> {
    for (let i = 0; i < 3; i++) {
      for (const name of [...alive, 'witness']) await this.beat(name)
      await this.clock.advance(LEASE_SECONDS * 500)
    }
    for (const name of [...alive, 'witness']) await this.beat(name)
    await this.clock.advance(1000)
  }

  server(name = 'web', spec: Partial<Server['spec']> = {}, metadata: object = {}): Promise<Server> {
    const meta = { name, namespace: 'demo', finalizers: [FINALIZER], ...metadata }
    return this.make(serverKind, { metadata: meta, spec: { flavor: 'tiny', image: { name: 'cirros' }, ...spec } })
  }

  read(name = 'web'): Server | undefined {
    return this.api.find('servers', `demo/${name}`) as Server | undefined
  }

  status(name = 'web'): ServerStatus {
    return this.read(name)?.status ?? {}
  }

  ports(): Port[] {
    return this.api.list<Port>('ports')
  }

  actions(): ServerAction[] {
    return this.api.list<ServerAction>('serveractions')
  }

  /** What the agent says in a server's status. */
  async agentSays(status: ServerStatus, name = 'web'): Promise<void> {
    await this.api
      .resource<Server>(resourceDefOf(serverKind))
      .applyStatus(
        { metadata: { name, namespace: 'demo' }, status },
        agentOf(status.host ?? this.status(name).host ?? ''),
      )
    await this.fake.waitForCaches()
  }

  /** One reconcile as this life of the controller; its caches then have what it wrote. */
  async reconcile(name = 'web'): Promise<Outcome> {
    const outcome = await this.fake.life.runUntilKilled(reconcileServer(`demo/${name}`, this.deps))
    await this.fake.waitForCaches()
    return outcome
  }

  /** Writes of this life so far, without names. */
  get writes(): string[] {
    return this.fake.life.effects.map((name) => name.replace(/\/.*/, ''))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.services.hosts[Symbol.dispose]()
    await this.fake[Symbol.asyncDispose]()
  }
}

/** A bench with a host, a flavor, an image and a network. */
export async function cloud(...hosts: string[]): Promise<Bench> {
  const bench = await Bench.start()
  for (const name of hosts) await bench.host(name)
  await bench.flavor()
  await bench.image()
  await bench.network()
  return bench
}
