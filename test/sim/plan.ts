/**
 * The seed determines the size of the cloud, and the operations (requests of users, and faults) with the time between
 * them.
 */
import type { DesiredPower } from '../../crds/index.ts'
import type { ApiFault, HostFault } from './fault-injection.ts'
import { Random } from './random.ts'

export type UserOperation =
  | {
      do: 'create server'
      name: string
      flavor: string
      networks: readonly ('lan' | 'late' | 'port')[]
      powerState: DesiredPower
    }
  | { do: 'delete server'; name: string }
  | { do: 'set power state'; name: string; powerState: DesiredPower }
  | { do: 'rename server'; name: string }
  | {
      do: 'request action'
      name: string
      action: 'reboot' | 'start' | 'rescue' | 'unrescue'
      type?: 'HARD' | 'SOFT'
      /** The agent is killed right after this step of the action. */
      killAfter?: (typeof bootSteps)[number]
      /**
       * This step of the action fails for good. Depending on `report`, the agent's first write of this failure to the
       * Server's status fails, or the agent is killed before it.
       */
      failure?: { step: (typeof failingSteps)[number]; report: 'fails' | 'kills the agent' }
    }
  | { do: 'delete action record'; name: string }
  | { do: 'force delete'; name: string }
  | { do: 'disable host'; host: string; ms: number }
  | { do: 'create late network' }
  | { do: 'create late flavor' }
  | { do: 'create port' }
  | { do: 'delete port' }

export type FaultOperation =
  | { do: 'fail api'; slot: string; verb: string; fault: ApiFault; times: number }
  | { do: 'conflicting write'; slot: string; verb: string; times: number }
  | { do: 'fail host'; host: string; step: string; fault: HostFault; times: number }
  | { do: 'stop api'; ms: number }
  | { do: 'restart api' }
  | { do: 'compact etcd' }
  | { do: 'break watches'; slot: string }
  | { do: 'silence watches'; slot: string }
  | { do: 'kill'; slot: string; ms: number }
  | { do: 'stop'; slot: string }
  | { do: 'freeze'; slot: string; ms: number }
  | { do: 'disconnect'; slot: string; ms: number }
  | { do: 'delay messages'; slot: string; weight: number; ms: number }
  | { do: 'skew clock'; slot: string; ms: number }
  | { do: 'end domain'; host: string; reason: 'destroyed' | 'shutdown' | 'crashed' }
  | { do: 'ignore shutdown'; name: string }
  | { do: 'power off host'; host: string; ms: number; isForcedDown: boolean }

export type Operation = UserOperation | FaultOperation

export interface PlannedOperation {
  /** Time since the previous operation, in simulated steps (`steps`) or in simulated milliseconds (`ms`). */
  steps?: number
  ms?: number
  operation: Operation
}

export interface Plan {
  seed: number
  hosts: readonly { name: string; vcpus: number; ram: number; disk: number }[]
  controllers: number
  /** Probability per step that a timer fires although messages wait for delivery. */
  earlyTimerChance: number
  /** Whether an admission policy adds the finalizer to new servers. Otherwise the controller adds it later. */
  hasAdmissionPolicy: boolean
  /** Number of addresses in the network `lan`. */
  addressCount: number
  operations: readonly PlannedOperation[]
}

const names = ['a', 'b', 'c'] as const
const powerStates: Record<DesiredPower, number> = { Running: 6, Stopped: 4, Paused: 2, Suspended: 2 }
const verbs = ['get', 'watch', 'create', 'apply', 'applyStatus', 'patch', 'delete', 'update', '']
/**
 * The steps after which a plan may kill the agent. Right after each of these steps, no object of the API server shows
 * that the step was done. So a restarted agent must find out from the host that it was done.
 */
const bootSteps = ['domains.destroy', 'domains.define', 'domains.start', 'domains.start'] as const
const failingSteps = ['domains.define', 'domains.start', 'rescueDisks.create'] as const
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
  'rescueDisks.create',
  'rescueDisks.delete',
  'ports.unplug',
  'domains.save',
  'domains.pause',
  '',
]

export function createPlan(seed: number): Plan {
  const r = new Random(seed)
  const hosts = Array.from({ length: r.pick([1, 2, 2, 3]) }, (_, i) => ({
    name: `h${i + 1}`,
    vcpus: 4,
    ram: 512 + r.pick([1024, 2048, 2048, 4096]),
    disk: 100,
  }))
  const controllers = r.pick([1, 1, 2])
  const slots = [...Array.from({ length: controllers }, (_, i) => `c${i + 1}`), ...hosts.map(({ name }) => name)]
  const context: PlanContext = { r, hosts: hosts.map(({ name }) => name), slots }
  const operations: PlannedOperation[] = []
  const userCount = 1 + r.nextInt(8)
  const faultCount = r.pick([0, 1, 1, 2, 3, 5])
  const generators = [
    ...Array.from({ length: userCount }, () => randomUserOperation),
    ...Array.from({ length: faultCount }, () => randomFaultOperation),
  ]
  operations.push({ steps: r.nextInt(150), operation: randomCreate(context) })
  while (generators.length > 0) {
    const [generate] = generators.splice(r.nextInt(generators.length), 1)
    if (generate) operations.push({ ...randomGap(r), operation: generate(context) })
  }
  return {
    seed,
    hosts,
    controllers,
    earlyTimerChance: r.pick([0, 0.02, 0.1, 0.3]),
    hasAdmissionPolicy: r.isTrueWithProbability(0.8),
    addressCount: r.pick([2, 6, 6, 6]),
    operations: addFailures(operations, new Random(-seed)),
  }
}

/**
 * Removes `killAfter` from the actions that fail, because a plan does not combine a failure and a kill in one action.
 * @param r used for nothing else, so that the failures do not change the rest of the plan
 */
function addFailures(operations: readonly PlannedOperation[], r: Random): PlannedOperation[] {
  return operations.map((planned) => {
    const { operation } = planned
    if (operation.do !== 'request action' || r.isTrueWithProbability(0.6)) return planned
    const { killAfter: _, ...request } = operation
    const report = r.pick(['fails', 'kills the agent'] as const)
    return { ...planned, operation: { ...request, failure: { step: r.pick(failingSteps), report } } }
  })
}

interface PlanContext {
  r: Random
  hosts: readonly string[]
  slots: readonly string[]
}

function randomGap(r: Random): { steps?: number; ms?: number } {
  if (r.isTrueWithProbability(0.15)) return { ms: Math.floor(r.between(1_000, 90_000)) }
  return { steps: Math.floor(r.next() ** 2 * 160) }
}

const randomCreate = ({ r }: PlanContext): UserOperation => ({
  do: 'create server',
  name: r.pick(names),
  flavor: r.pickWeighted({ tiny: 8, big: 1, late: 0.5 }),
  networks: r.pick([[], ['lan'], ['lan'], ['lan', 'lan'], ['late'], ['port']]),
  powerState: r.pickWeighted(powerStates),
})

type GeneratorTable<T extends Operation> = Record<T['do'], { weight: number; generate: (context: PlanContext) => T }>

const userOperations: GeneratorTable<UserOperation> = {
  'create server': { weight: 6, generate: randomCreate },
  'delete server': { weight: 4, generate: ({ r }) => ({ do: 'delete server', name: r.pick(names) }) },
  'set power state': {
    weight: 6,
    generate: ({ r }) => ({ do: 'set power state', name: r.pick(names), powerState: r.pickWeighted(powerStates) }),
  },
  'rename server': { weight: 1, generate: ({ r }) => ({ do: 'rename server', name: r.pick(names) }) },
  'request action': {
    weight: 5,
    generate: ({ r }) => ({
      do: 'request action',
      name: r.pick(names),
      action: r.pickWeighted({ reboot: 3, start: 1, rescue: 1, unrescue: 1 }),
      type: r.pick(['HARD', 'SOFT'] as const),
      ...(r.isTrueWithProbability(0.6) ? { killAfter: r.pick(bootSteps) } : {}),
    }),
  },
  'delete action record': { weight: 0.5, generate: ({ r }) => ({ do: 'delete action record', name: r.pick(names) }) },
  'force delete': { weight: 0.7, generate: ({ r }) => ({ do: 'force delete', name: r.pick(names) }) },
  'disable host': {
    weight: 0.5,
    generate: ({ r, hosts }) => ({ do: 'disable host', host: r.pick(hosts), ms: Math.floor(r.between(1_000, 60_000)) }),
  },
  'create late network': { weight: 0.7, generate: () => ({ do: 'create late network' }) },
  'create late flavor': { weight: 0.4, generate: () => ({ do: 'create late flavor' }) },
  'create port': { weight: 0.7, generate: () => ({ do: 'create port' }) },
  'delete port': { weight: 0.2, generate: () => ({ do: 'delete port' }) },
}

const randomMs = (r: Random, low: number, high: number): number => Math.floor(r.between(low, high))

const faultOperations: GeneratorTable<FaultOperation> = {
  'fail api': {
    weight: 6,
    generate: ({ r, slots }) => ({
      do: 'fail api',
      slot: r.pick(slots),
      verb: r.pick(verbs),
      fault: r.pick(['lost', 'answer lost', 'answer lost', '429', '500', '503', '500 after'] as const),
      times: r.pick([1, 1, 2, 8]),
    }),
  },
  'conflicting write': {
    weight: 2,
    generate: ({ r, slots }) => ({
      do: 'conflicting write',
      slot: r.pick(slots),
      verb: r.pick(['applyStatus', 'apply', 'patch'] as const),
      times: r.pick([1, 1, 3]),
    }),
  },
  'fail host': {
    weight: 2,
    generate: ({ r, hosts }) => ({
      do: 'fail host',
      host: r.pick(hosts),
      step: r.pick(hostSteps),
      fault: r.pick(['transient', 'transient', 'terminal', 'transient after', 'unknown'] as const),
      times: r.pick([1, 1, 2, 6]),
    }),
  },
  'stop api': { weight: 1, generate: ({ r }) => ({ do: 'stop api', ms: randomMs(r, 500, 90_000) }) },
  'restart api': { weight: 1, generate: () => ({ do: 'restart api' }) },
  'compact etcd': { weight: 1, generate: () => ({ do: 'compact etcd' }) },
  'break watches': { weight: 1, generate: ({ r, slots }) => ({ do: 'break watches', slot: r.pick(slots) }) },
  'silence watches': { weight: 1, generate: ({ r, slots }) => ({ do: 'silence watches', slot: r.pick(slots) }) },
  kill: {
    weight: 6,
    generate: ({ r, slots }) => ({ do: 'kill', slot: r.pick(slots), ms: randomMs(r, 0, r.pick([100, 5_000, 90_000])) }),
  },
  stop: { weight: 1, generate: ({ r, slots }) => ({ do: 'stop', slot: r.pick(slots) }) },
  freeze: {
    weight: 2,
    generate: ({ r, slots }) => ({ do: 'freeze', slot: r.pick(slots), ms: randomMs(r, 100, 60_000) }),
  },
  disconnect: {
    weight: 2,
    generate: ({ r, slots }) => ({ do: 'disconnect', slot: r.pick(slots), ms: randomMs(r, 1_000, 90_000) }),
  },
  'delay messages': {
    weight: 3,
    generate: ({ r, slots }) => ({
      do: 'delay messages',
      slot: r.pick(slots),
      weight: r.pick([0.1, 0.01, 0]),
      ms: randomMs(r, 1_000, 60_000),
    }),
  },
  'skew clock': {
    weight: 0.5,
    generate: ({ r, slots }) => ({ do: 'skew clock', slot: r.pick(slots), ms: randomMs(r, -7_200_000, 7_200_000) }),
  },
  'end domain': {
    weight: 2,
    generate: ({ r, hosts }) => ({
      do: 'end domain',
      host: r.pick(hosts),
      reason: r.pick(['destroyed', 'shutdown', 'crashed'] as const),
    }),
  },
  'ignore shutdown': { weight: 0.5, generate: ({ r }) => ({ do: 'ignore shutdown', name: r.pick(names) }) },
  'power off host': {
    weight: 1.5,
    generate: ({ r, hosts }) => ({
      do: 'power off host',
      host: r.pick(hosts),
      ms: randomMs(r, 1_000, 180_000),
      isForcedDown: r.isTrueWithProbability(0.3),
    }),
  },
}

function randomOperation<T extends Operation>(table: GeneratorTable<T>, context: PlanContext): T {
  const kinds = Object.keys(table) as T['do'][]
  const weights = Object.fromEntries(kinds.map((kind) => [kind, table[kind].weight])) as Record<T['do'], number>
  return table[context.r.pickWeighted(weights)].generate(context)
}

const randomUserOperation = (context: PlanContext): UserOperation => randomOperation(userOperations, context)
const randomFaultOperation = (context: PlanContext): FaultOperation => randomOperation(faultOperations, context)
