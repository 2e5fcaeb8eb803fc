/** Does what the plan says: what users ask of the API server, and what goes wrong. Each answers nothing: what comes of it is for the checks. */
import { serverAction } from '../../actions/index.ts'
import {
  FINALIZER,
  FORCE_DELETE,
  flavor,
  type Hypervisor,
  hypervisor,
  image,
  type Kind,
  network,
  type Port,
  port,
  resourceDefOf,
  type Server,
  type ServerAction,
  server,
} from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Resource } from '../../kube/resource.ts'
import type { KubeObject } from '../../kube/types.ts'
import type { Call } from '../fakes/life.ts'
import { type Cloud, nature, type Slot } from './cloud.ts'
import type { Deed, Plan } from './plan.ts'

export const NAMESPACE = 'demo'
export const sizes = {
  tiny: { vcpus: 1, ram: 1024, disk: 10 },
  big: { vcpus: 2, ram: 2048, disk: 20 },
  late: { vcpus: 1, ram: 1024, disk: 10 },
} as const
const USER = { fieldManager: 'user' }

/** What a doer knows of the run. */
export class Doer {
  readonly cloud: Cloud
  readonly plan: Plan
  /** Requests of users that the API server took. */
  requests = 0
  /** Ends all faults that last. */
  readonly #lasting = new Set<() => void>()
  #asked = 0

  constructor(cloud: Cloud, plan: Plan) {
    this.cloud = cloud
    this.plan = plan
  }

  /** What is there before anybody comes. */
  async furnish(): Promise<void> {
    const { api } = this.cloud
    const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
    await api.resource(namespaces).create({ metadata: { name: 'kube-system' } })
    for (const name of ['tiny', 'big'] as const) await this.#make(flavor, { metadata: { name }, spec: sizes[name] })
    await this.#make(image, {
      metadata: { name: 'cirros', namespace: NAMESPACE },
      spec: { url: 'https://example.com/c' },
    })
    await this.#make(network, this.#network('lan', this.plan.addresses))
  }

  async do(deed: Deed): Promise<void> {
    try {
      await (doers[deed.do] as (doer: Doer, deed: Deed) => unknown)(this, deed)
    } catch (error) {
      // It is there already, it is gone, it was changed meanwhile: so it is with users.
      if (!(error instanceof ApiError)) throw error
    }
  }

  /** All that lasts ends, and what somebody waits for comes. */
  async endFaults(): Promise<void> {
    for (const end of this.#lasting) end()
    this.#lasting.clear()
    this.cloud.weather.clear()
    await this.do({ do: 'late network' })
    await this.do({ do: 'late flavor' })
    await this.do({ do: 'make port' })
    for (const { metadata, spec } of this.cloud.api.list<Hypervisor>('hypervisors'))
      if (spec.disabled || spec.forcedDown)
        await this.of<Hypervisor>(hypervisor).patch(metadata, { spec: { disabled: false, forcedDown: false } }, USER)
  }

  of<T extends KubeObject>(kind: Kind): Resource<T> {
    return this.cloud.api.resource<T>(resourceDefOf(kind), undefined, 'user')
  }

  server(name: string): Server | undefined {
    return this.cloud.api.find('servers', `${NAMESPACE}/${name}`) as Server | undefined
  }

  /** `end` comes after `ms`, or when the faults end. */
  forAWhile(ms: number, end: () => void): void {
    const once = (): void => {
      if (this.#lasting.delete(once)) end()
    }
    this.#lasting.add(once)
    this.cloud.time.timer(nature, ms, once)
  }

  async create({ name, flavor, networks, wish }: Extract<Deed, { do: 'create' }>): Promise<void> {
    const finalizers = this.plan.isAdmitted ? [FINALIZER] : undefined
    await this.of<Server>(server).create(
      {
        metadata: { name, namespace: NAMESPACE, ...(finalizers ? { finalizers } : {}) },
        spec: {
          flavor,
          image: { name: 'cirros' },
          powerState: wish,
          networks: networks.map((of) => (of === 'port' ? { port: 'p1' } : { name: of })),
        },
      },
      USER,
    )
    this.requests += 1
  }

  async ask({ name, action, type, amid }: Extract<Deed, { do: 'ask' }>): Promise<void> {
    this.#asked += 1
    if (amid !== undefined) this.#killAmid(name, amid)
    const metadata = { name: `deed-${this.#asked}`, namespace: NAMESPACE }
    const params = action === 'reboot' ? { type } : {}
    await this.of<ServerAction>(serverAction).create(
      { metadata, spec: { server: name, action, [action]: params } },
      USER,
    )
    this.requests += 1
  }

  /** The next such step of the server is done, and its agent does not hear of it any more. */
  #killAmid(name: string, step: string): void {
    const host = this.server(name)?.status?.host ?? ''
    const kill = (): void => withSlot(this.cloud, host, (slot) => this.cloud.kill(slot, 1000))
    this.cloud.weather.before(matching(host, `${step} ${name}`), kill, 1)
  }

  async #make(kind: Kind, object: object): Promise<void> {
    await this.of(kind).create(object as never, USER)
  }

  makeNetwork(name: string): Promise<void> {
    return this.#make(network, this.#network(name, 6))
  }

  /** As many addresses in its pool as said. */
  #network(name: string, addresses: number): object {
    const third = name === 'lan' ? 0 : 1
    const pools = [{ start: `10.0.${third}.10`, end: `10.0.${third}.${9 + addresses}` }]
    const subnets = [{ cidr: `10.0.${third}.0/24`, gateway: `10.0.${third}.1`, pools }]
    return { metadata: { name, namespace: NAMESPACE }, spec: { subnets } }
  }
}

type Doers = { [D in Deed['do']]: (doer: Doer, deed: Extract<Deed, { do: D }>) => unknown }

const at = (name: string) => ({ name, namespace: NAMESPACE })

const users = {
  create: (doer, deed) => doer.create(deed),
  async delete(doer, { name }) {
    await doer.of<Server>(server).delete(at(name))
    doer.requests += 1
  },
  async wish(doer, { name, wish }) {
    await doer.of<Server>(server).patch(at(name), { spec: { powerState: wish } }, USER)
    doer.requests += 1
  },
  async tag(doer, { name }) {
    await doer.of<Server>(server).patch(at(name), { spec: { displayName: `n${doer.requests}` } }, USER)
    doer.requests += 1
  },
  ask: (doer, deed) => doer.ask(deed),
  async 'forget record'(doer, { name }) {
    const all = doer.cloud.api.list<ServerAction>('serveractions')
    const found = all.find(({ spec, status }) => spec.server === name && status?.phase !== undefined)
    if (found) await doer.of<ServerAction>(serverAction).delete(found.metadata)
  },
  async 'give up'(doer, { name }) {
    if (!doer.server(name)?.metadata.deletionTimestamp) return
    const patch = { metadata: { annotations: { [FORCE_DELETE]: 'true' } } }
    await doer.of<Server>(server).patch(at(name), patch, USER)
    doer.requests += 1
  },
  async 'disable host'(doer, { host, ms }) {
    const handle = doer.of<Hypervisor>(hypervisor)
    await handle.patch({ name: host }, { spec: { disabled: true } }, USER)
    doer.forAWhile(ms, () => void handle.patch({ name: host }, { spec: { disabled: false } }, USER))
  },
  'late network': (doer) => doer.makeNetwork('late'),
  'late flavor': (doer) => doer.of(flavor).create({ metadata: { name: 'late' }, spec: sizes.late } as never, USER),
  'make port': (doer) => doer.of<Port>(port).create({ metadata: at('p1'), spec: { network: { name: 'lan' } } }, USER),
  async 'delete port'(doer) {
    const users = doer.cloud.api.list<Server>('servers').filter(({ spec }) => spec.networks.some(({ port }) => port))
    if (users.length === 0) await doer.of<Port>(port).delete(at('p1'))
  },
} satisfies Partial<Doers>

const matching =
  (slot: string, word: string) =>
  (process: { name: string }, call: Call): boolean =>
    process.name === slot && call.name.startsWith(word)

const faults = {
  'fail api': ({ cloud }, { slot, verb, fault, times }) => cloud.weather.failApi(matching(slot, verb), fault, times),
  touch: (doer, { slot, verb, times }) => {
    const touch = (call: Call): void => {
      const [, plural = '', key = ''] = /^\w+ ([a-z]+)\/(.+)$/.exec(call.name) ?? []
      const handle =
        plural === 'servers'
          ? doer.of<Server>(server)
          : plural === 'serveractions'
            ? doer.of<ServerAction>(serverAction)
            : undefined
      const [namespace = '', name = ''] = key.split('/')
      const patch = { metadata: { labels: { touched: `${doer.cloud.api.version}` } } }
      handle?.patch({ namespace, name }, patch, USER).catch(() => undefined)
    }
    doer.cloud.weather.before(matching(slot, verb), touch, times)
  },
  'fail host': ({ cloud }, { host, step, fault, times }) => cloud.weather.failHost(matching(host, step), fault, times),
  'api away'(doer, { ms }) {
    cutAll(doer.cloud)
    doer.cloud.weather.isDown = true
    doer.forAWhile(ms, () => {
      doer.cloud.weather.isDown = false
    })
  },
  'restart api': ({ cloud }) => cutAll(cloud),
  compact({ cloud }) {
    cloud.api.compact()
    cutAll(cloud)
  },
  'drop watches'({ cloud }, { slot }) {
    for (const stream of cloud.streams) if (stream.process === slot) stream.cut()
  },
  'silence watches'({ cloud }, { slot }) {
    for (const stream of cloud.streams) if (stream.process === slot) stream.silence()
  },
  kill: ({ cloud }, { slot, ms }) => withSlot(cloud, slot, (found) => cloud.kill(found, ms)),
  stop: ({ cloud }, { slot }) => withSlot(cloud, slot, (found) => cloud.stop(found)),
  freeze: (doer, { slot, ms }) =>
    withSlot(doer.cloud, slot, ({ process }) => {
      process?.freeze()
      doer.forAWhile(ms, () => process?.thaw())
    }),
  'cut off'(doer, { slot, ms }) {
    doer.cloud.weather.cutOff(slot, true)
    for (const stream of doer.cloud.streams) if (stream.process === slot) stream.silence()
    doer.forAWhile(ms, () => doer.cloud.weather.cutOff(slot, false))
  },
  slow(doer, { slot, weight, ms }) {
    const lanes = [...doer.cloud.lanes.all].filter(({ name }) => name.startsWith(`${slot} `))
    const before = lanes.map((lane) => lane.weight)
    for (const lane of lanes) lane.weight = weight
    doer.forAWhile(ms, () => {
      for (const [i, lane] of lanes.entries()) lane.weight = before[i] ?? 1
    })
  },
  skew: ({ cloud }, { slot, ms }) =>
    withSlot(cloud, slot, ({ process }) => {
      if (process) process.clock.skew = ms
    }),
  'domain dies'({ cloud }, { host, reason }) {
    const found = cloud.host(host)
    const [uid] = found?.running() ?? []
    if (uid !== undefined) found?.accident(uid, reason)
  },
  'stubborn guest'(doer, { name }) {
    const uid = doer.server(name)?.metadata.uid
    const host = doer.cloud.host(doer.server(name)?.status?.host ?? '')
    if (uid !== undefined && host) host.machines.machine(uid).obeys = false
  },
  'host off': (doer, deed) => hostOff(doer, deed),
} satisfies Partial<Doers>

const doers: Doers = { ...users, ...faults }

function cutAll({ streams }: Cloud): void {
  for (const stream of streams) stream.cut()
}

function withSlot(cloud: Cloud, name: string, act: (slot: Slot) => void): void {
  const slot = cloud.slot(name)
  if (slot) act(slot)
}

/** The power goes: agent and domains with it. An operator may say so. */
function hostOff(doer: Doer, { host, ms, isForced }: Extract<Deed, { do: 'host off' }>): void {
  const { cloud } = doer
  const [slot, found] = [cloud.slot(host), cloud.host(host)]
  if (!slot || !found || slot.isHeld) return
  slot.isHeld = true
  cloud.kill(slot, 0)
  for (const uid of found.running()) found.accident(uid, 'unknown')
  found.machines.forgetReasons()
  const say = (forcedDown: boolean): void => {
    if (!isForced) return
    doer
      .of<Hypervisor>(hypervisor)
      .patch({ name: host }, { spec: { forcedDown } }, USER)
      .catch(() => undefined)
  }
  say(true)
  doer.forAWhile(ms, () => {
    slot.isHeld = false
    cloud.start(slot)
    say(false)
  })
}
