/** What happens in a run, apart from what follows from it: users' deeds and faults, each a while after the one before. Made from a seed. */
import type { DesiredPower } from '../../crds/index.ts'
import { Random } from './random.ts'
import type { ApiFault, HostFault } from './weather.ts'

export type Deed =
  | { do: 'create'; name: string; flavor: string; networks: readonly ('lan' | 'late' | 'port')[]; wish: DesiredPower }
  | { do: 'delete'; name: string }
  | { do: 'wish'; name: string; wish: DesiredPower }
  | { do: 'tag'; name: string }
  | { do: 'ask'; name: string; action: 'reboot' | 'start'; type?: 'HARD' | 'SOFT'; amid?: (typeof bootSteps)[number] }
  | { do: 'forget record'; name: string }
  | { do: 'give up'; name: string }
  | { do: 'disable host'; host: string; ms: number }
  | { do: 'late network' }
  | { do: 'late flavor' }
  | { do: 'make port' }
  | { do: 'delete port' }
  | { do: 'fail api'; slot: string; verb: string; fault: ApiFault; times: number }
  | { do: 'touch'; slot: string; verb: string; times: number }
  | { do: 'fail host'; host: string; step: string; fault: HostFault; times: number }
  | { do: 'api away'; ms: number }
  | { do: 'restart api' }
  | { do: 'compact' }
  | { do: 'drop watches'; slot: string }
  | { do: 'silence watches'; slot: string }
  | { do: 'kill'; slot: string; ms: number }
  | { do: 'stop'; slot: string }
  | { do: 'freeze'; slot: string; ms: number }
  | { do: 'cut off'; slot: string; ms: number }
  | { do: 'slow'; slot: string; weight: number; ms: number }
  | { do: 'skew'; slot: string; ms: number }
  | { do: 'domain dies'; host: string; reason: 'destroyed' | 'shutdown' | 'crashed' }
  | { do: 'stubborn guest'; name: string }
  | { do: 'host off'; host: string; ms: number; isForced: boolean }

export interface Op {
  /** After so many steps, or so many simulated ms, since the op before. */
  steps?: number
  ms?: number
  deed: Deed
}

export interface Plan {
  seed: number
  hosts: readonly { name: string; vcpus: number; ram: number; disk: number }[]
  controllers: number
  /** How often time goes on while something is on its way. */
  hurry: number
  /** Is the finalizer put on by an admission policy? */
  isAdmitted: boolean
  /** Addresses of the network. */
  addresses: number
  ops: readonly Op[]
}

const names = ['a', 'b', 'c'] as const
const wishes: Record<DesiredPower, number> = { Running: 6, Stopped: 4, Paused: 2, Suspended: 2 }
const verbs = ['get', 'watch', 'create', 'apply', 'applyStatus', 'patch', 'delete', 'update', '']
/** At each of them an agent may die that does a deed: what was done of it is known to the host alone. */
const bootSteps = ['domains.destroy', 'domains.define', 'domains.start', 'domains.start'] as const
const hostSteps = [
  'domains.observe',
  'images.fetch',
  'disks.create',
  'ports.plug',
  'domains.define',
  'domains.start',
  'domains.requestShutdown',
  'domains.destroy',
  'domains.undefine',
  'disks.delete',
  'ports.unplug',
  'domains.save',
  'domains.pause',
  '',
]

export function makePlan(seed: number): Plan {
  const r = new Random(seed)
  const hosts = Array.from({ length: r.pick([1, 2, 2, 3]) }, (_, i) => ({
    name: `h${i + 1}`,
    vcpus: 4,
    ram: 512 + r.pick([1024, 2048, 2048, 4096]),
    disk: 100,
  }))
  const controllers = r.pick([1, 1, 2])
  const slots = [...Array.from({ length: controllers }, (_, i) => `c${i + 1}`), ...hosts.map(({ name }) => name)]
  const world: World = { r, hosts: hosts.map(({ name }) => name), slots }
  const ops: Op[] = []
  const users = 1 + r.int(8)
  const faults = r.pick([0, 1, 1, 2, 3, 5])
  const kinds = [...Array.from({ length: users }, () => user), ...Array.from({ length: faults }, () => fault)]
  // The first is a server; the others come in any order.
  ops.push({ steps: r.int(150), deed: create(world) })
  while (kinds.length > 0) {
    const [make] = kinds.splice(r.int(kinds.length), 1)
    if (make) ops.push({ ...gap(r), deed: make(world) })
  }
  return {
    seed,
    hosts,
    controllers,
    hurry: r.pick([0, 0.02, 0.1, 0.3]),
    isAdmitted: r.chance(0.8),
    addresses: r.pick([2, 6, 6, 6]),
    ops,
  }
}

interface World {
  r: Random
  hosts: readonly string[]
  slots: readonly string[]
}

function gap(r: Random): { steps?: number; ms?: number } {
  if (r.chance(0.15)) return { ms: Math.floor(r.between(1_000, 90_000)) }
  return { steps: Math.floor(r.next() ** 2 * 160) }
}

const create = ({ r }: World): Deed => ({
  do: 'create',
  name: r.pick(names),
  flavor: r.weighted({ tiny: 8, big: 1, late: 0.5 }),
  networks: r.pick([[], ['lan'], ['lan'], ['lan', 'lan'], ['late'], ['port']]),
  wish: r.weighted(wishes),
})

const userDeeds: Record<string, { weight: number; make: (world: World) => Deed }> = {
  create: { weight: 6, make: create },
  delete: { weight: 4, make: ({ r }) => ({ do: 'delete', name: r.pick(names) }) },
  wish: { weight: 6, make: ({ r }) => ({ do: 'wish', name: r.pick(names), wish: r.weighted(wishes) }) },
  tag: { weight: 1, make: ({ r }) => ({ do: 'tag', name: r.pick(names) }) },
  ask: {
    weight: 5,
    make: ({ r }) => ({
      do: 'ask',
      name: r.pick(names),
      action: r.weighted({ reboot: 3, start: 1 }),
      type: r.pick(['HARD', 'SOFT'] as const),
      ...(r.chance(0.6) ? { amid: r.pick(bootSteps) } : {}),
    }),
  },
  'forget record': { weight: 0.5, make: ({ r }) => ({ do: 'forget record', name: r.pick(names) }) },
  'give up': { weight: 0.7, make: ({ r }) => ({ do: 'give up', name: r.pick(names) }) },
  'disable host': {
    weight: 0.5,
    make: ({ r, hosts }) => ({ do: 'disable host', host: r.pick(hosts), ms: Math.floor(r.between(1_000, 60_000)) }),
  },
  'late network': { weight: 0.7, make: () => ({ do: 'late network' }) },
  'late flavor': { weight: 0.4, make: () => ({ do: 'late flavor' }) },
  'make port': { weight: 0.7, make: () => ({ do: 'make port' }) },
  'delete port': { weight: 0.2, make: () => ({ do: 'delete port' }) },
}

const ms = (r: Random, low: number, high: number): number => Math.floor(r.between(low, high))

const faultDeeds: Record<string, { weight: number; make: (world: World) => Deed }> = {
  'fail api': {
    weight: 6,
    make: ({ r, slots }) => ({
      do: 'fail api',
      slot: r.pick(slots),
      verb: r.pick(verbs),
      fault: r.pick(['lost', 'answer lost', 'answer lost', '429', '500', '503', '500 after'] as const),
      times: r.pick([1, 1, 2, 8]),
    }),
  },
  touch: {
    weight: 2,
    make: ({ r, slots }) => ({
      do: 'touch',
      slot: r.pick(slots),
      verb: r.pick(['applyStatus', 'apply', 'patch'] as const),
      times: r.pick([1, 1, 3]),
    }),
  },
  'fail host': {
    weight: 2,
    make: ({ r, hosts }) => ({
      do: 'fail host',
      host: r.pick(hosts),
      step: r.pick(hostSteps),
      fault: r.pick(['transient', 'transient', 'terminal', 'transient after', 'unknown'] as const),
      times: r.pick([1, 1, 2, 6]),
    }),
  },
  'api away': { weight: 1, make: ({ r }) => ({ do: 'api away', ms: ms(r, 500, 90_000) }) },
  'restart api': { weight: 1, make: () => ({ do: 'restart api' }) },
  compact: { weight: 1, make: () => ({ do: 'compact' }) },
  'drop watches': { weight: 1, make: ({ r, slots }) => ({ do: 'drop watches', slot: r.pick(slots) }) },
  'silence watches': { weight: 1, make: ({ r, slots }) => ({ do: 'silence watches', slot: r.pick(slots) }) },
  kill: {
    weight: 6,
    make: ({ r, slots }) => ({ do: 'kill', slot: r.pick(slots), ms: ms(r, 0, r.pick([100, 5_000, 90_000])) }),
  },
  stop: { weight: 1, make: ({ r, slots }) => ({ do: 'stop', slot: r.pick(slots) }) },
  freeze: { weight: 2, make: ({ r, slots }) => ({ do: 'freeze', slot: r.pick(slots), ms: ms(r, 100, 60_000) }) },
  'cut off': { weight: 2, make: ({ r, slots }) => ({ do: 'cut off', slot: r.pick(slots), ms: ms(r, 1_000, 90_000) }) },
  slow: {
    weight: 3,
    make: ({ r, slots }) => ({
      do: 'slow',
      slot: r.pick(slots),
      weight: r.pick([0.1, 0.01, 0]),
      ms: ms(r, 1_000, 60_000),
    }),
  },
  skew: {
    weight: 0.5,
    make: ({ r, slots }) => ({ do: 'skew', slot: r.pick(slots), ms: ms(r, -7_200_000, 7_200_000) }),
  },
  'domain dies': {
    weight: 2,
    make: ({ r, hosts }) => ({
      do: 'domain dies',
      host: r.pick(hosts),
      reason: r.pick(['destroyed', 'shutdown', 'crashed'] as const),
    }),
  },
  'stubborn guest': { weight: 0.5, make: ({ r }) => ({ do: 'stubborn guest', name: r.pick(names) }) },
  'host off': {
    weight: 1.5,
    make: ({ r, hosts }) => ({
      do: 'host off',
      host: r.pick(hosts),
      ms: ms(r, 1_000, 180_000),
      isForced: r.chance(0.3),
    }),
  },
}

function draw(table: typeof userDeeds, world: World): Deed {
  const weights = Object.fromEntries(Object.entries(table).map(([name, { weight }]) => [name, weight]))
  const found = table[world.r.weighted(weights)]
  if (!found) throw new Error('no such deed')
  return found.make(world)
}

const user = (world: World): Deed => draw(userDeeds, world)
const fault = (world: World): Deed => draw(faultDeeds, world)
