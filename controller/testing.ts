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
const asAgent = (host: string) => ({ fieldManager: `kubenova-agent/${host}` })

const defaults = parseOptions(ControllerOptions, { args: [], env: {}, prefix: 'TEST' })

/** The controller's stores and services without its work queues: tests call the reconcilers themselves. */
export class Bench implements AsyncDisposable {
  readonly fake: FakeStores
  readonly channels = new Channels()
  readonly services: Services
  readonly deps: ServerDeps
  droppedClaims = 0
  readonly livenessChanges: string[] = []
  readonly events: EventDetails[] = []

  private constructor(fake: FakeStores) {
    this.fake = fake
    const { stores, clock, leases } = fake
    const { channels } = this
    channels.on(hostLivenessChanged, (host) => void this.livenessChanges.push(host))
    channels.on(roomFreed, () => void (this.droppedClaims += 1))
    const kube = { ...fake.kube, clock }
    const events = {
      event: (event: EventDetails) => void this.events.push(event),
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

  async create<T extends KubeObject>(kind: Kind, object: object): Promise<T> {
    const created = await this.api.resource<T>(resourceDefOf(kind)).create(object as never, USER)
    await this.fake.waitForCaches()
    return created
  }

  createFlavor(name = 'tiny', spec: Partial<Flavor['spec']> = {}): Promise<Flavor> {
    return this.create(flavorKind, { metadata: { name }, spec: { vcpus: 1, ram: 1024, disk: 10, ...spec } })
  }

  createImage(name = 'cirros', spec: Partial<Image['spec']> = {}): Promise<Image> {
    return this.create(imageKind, {
      metadata: { name, namespace: 'demo' },
      spec: { url: 'https://example.com/c.img', ...spec },
    })
  }

  createNetwork(
    name = 'lan',
    subnets: Partial<Subnet>[] = [{ cidr: '10.0.0.0/29', gateway: '10.0.0.1' }],
    spec: Partial<Network['spec']> = {},
  ): Promise<Network> {
    return this.create(networkKind, { metadata: { name, namespace: 'demo' }, spec: { subnets, ...spec } })
  }

  /** Creates a host that is up: its agent has reported its status and renewed its Lease. */
  async createHost(name: string, overrides: HostOverrides = {}): Promise<void> {
    const { spec, status = {} } = makeHypervisor(name, overrides)
    const { state: _, ...reported } = status
    const handle = this.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))
    await handle.create({ metadata: { name }, spec }, USER)
    await handle.applyStatus({ metadata: { name }, status: reported }, asAgent(name))
    await this.renewLease(name)
  }

  async renewLease(name: string): Promise<void> {
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: toMicroTime(this.clock.wall()),
    }
    await this.api.resource<Lease>(leases).apply({ metadata: { name, namespace: SYSTEM }, spec }, asAgent(name))
    await this.fake.waitForCaches()
  }

  /**
   * Lets the Leases of all hosts expire except those in `alive` and that of the host `witness`. Without any renewal,
   * the controller would take its own watch for broken and would count no host as down.
   */
  async expireLeasesExcept(...alive: string[]): Promise<void> {
    for (let i = 0; i < 3; i++) {
      for (const name of [...alive, 'witness']) await this.renewLease(name)
      await this.clock.advance(LEASE_SECONDS * 500)
    }
    for (const name of [...alive, 'witness']) await this.renewLease(name)
    await this.clock.advance(1000)
  }

  createServer(name = 'web', spec: Partial<Server['spec']> = {}, metadata: object = {}): Promise<Server> {
    const meta = { name, namespace: 'demo', finalizers: [FINALIZER], ...metadata }
    return this.create(serverKind, { metadata: meta, spec: { flavor: 'tiny', image: { name: 'cirros' }, ...spec } })
  }

  getServer(name = 'web'): Server | undefined {
    return this.api.find('servers', `demo/${name}`) as Server | undefined
  }

  statusOf(name = 'web'): ServerStatus {
    return this.getServer(name)?.status ?? {}
  }

  listPorts(): Port[] {
    return this.api.list<Port>('ports')
  }

  listActions(): ServerAction[] {
    return this.api.list<ServerAction>('serveractions')
  }

  async reportAsAgent(status: ServerStatus, name = 'web'): Promise<void> {
    await this.api
      .resource<Server>(resourceDefOf(serverKind))
      .applyStatus(
        { metadata: { name, namespace: 'demo' }, status },
        asAgent(status.host ?? this.statusOf(name).host ?? ''),
      )
    await this.fake.waitForCaches()
  }

  /**
   * Reconciles a Server once, and waits until the caches show everything that the reconcile wrote. Rejects with Killed
   * if the test kills the controller.
   */
  async reconcile(name = 'web'): Promise<Outcome> {
    const outcome = await this.fake.life.runUntilKilled(reconcileServer(`demo/${name}`, this.deps))
    await this.fake.waitForCaches()
    return outcome
  }

  get writes(): string[] {
    return this.fake.life.effects.map((name) => name.replace(/\/.*/, ''))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.services.hosts[Symbol.dispose]()
    await this.fake[Symbol.asyncDispose]()
  }
}

export async function startCloud(...hosts: string[]): Promise<Bench> {
  const bench = await Bench.start()
  for (const name of hosts) await bench.createHost(name)
  await bench.createFlavor()
  await bench.createImage()
  await bench.createNetwork()
  return bench
}
