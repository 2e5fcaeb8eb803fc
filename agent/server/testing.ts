import { serverAction } from '../../actions/index.ts'
import {
  type DesiredPower,
  FINALIZER,
  findCondition,
  type Instance,
  resourceDefOf,
  type Server,
  type ServerAction,
  type ServerStatus,
  server as serverKind,
  Terminal,
  Transient,
} from '../../crds/index.ts'
import type { EventDetails } from '../../kube/events.ts'
import { noLog } from '../../kube/log.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { FakeClock } from '../../kube/testing/fake-clock.ts'
import { FakeApi, type Write } from '../../test/fakes/api.ts'
import { placedStatus } from '../../test/fakes/controller.ts'
import { FakeHost, type Machine } from '../../test/fakes/host.ts'
import { Killed, Life } from '../../test/fakes/life.ts'
import { ActionRuns } from './action-run.ts'
import { type AttemptOptions, createAttempts } from './attempts.ts'
import type { Deps } from './deps.ts'
import { reconcileServer } from './reconcile.ts'

export const HOST = 'h1'
const KEY = { namespace: 'demo', name: 'web' }
const USER = { fieldManager: 'user' }
export const SCHEDULER = { fieldManager: 'kubenova-scheduler' }
const ADMISSION = { fieldManager: 'kubenova-admission' }

const image = {
  name: 'cirros',
  namespace: 'demo',
  uid: 'uid-cirros',
  url: 'https://example.com/c',
  format: 'qcow2',
} as const
const sizes = { vcpus: 1, ram: 64, disk: 1, ephemeral: 0, swap: 0 }

export interface PlacedServer {
  desired?: DesiredPower
  generation?: number
  deleting?: boolean
  status?: Partial<ServerStatus>
}

export function placedServer({ desired = 'Running', generation = 1, deleting, status }: PlacedServer = {}): Server {
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: {
      name: 'web-1',
      namespace: 'demo',
      uid: 'u1',
      generation,
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { flavor: 'tiny', configDrive: true, networks: [], powerState: desired, locked: false },
    status: {
      instance: {} as NonNullable<ServerStatus['instance']>,
      launchedAt: 'then',
      reachedPowerState: 'Running',
      ...status,
    },
  }
}

export interface AgentLife {
  life: Life
  deps: Deps
  events: EventDetails[]
}

export class Bench {
  readonly clock = new FakeClock()
  /** Action records whose phase has changed after their end. This must not happen. */
  readonly reopenedRecords: string[] = []
  readonly api = new FakeApi(
    () => this.clock.wall(),
    (write) => this.#checkEndedRecord(write),
  )
  readonly host = new FakeHost()
  readonly servers = this.api.resource<Server>(resourceDefOf(serverKind))
  readonly actions = this.api.resource<ServerAction>(resourceDefOf(serverAction))
  readonly #attempts: AttemptOptions
  /** Whether the agent takes libvirt for unreachable. */
  isLibvirtAway = false

  constructor(attempts: Partial<AttemptOptions> = {}) {
    const restart = { baseMs: 10_000, maxMs: 300_000, calmMs: 600_000 }
    this.#attempts = { max: 3, baseMs: 1000, maxMs: 60_000, restart, ...attempts }
  }

  get server(): Server {
    const found = this.api.find('servers', 'demo/web') as Server | undefined
    if (!found) throw new Error('the server is gone')
    return found
  }

  get status(): ServerStatus {
    return this.server.status ?? {}
  }

  get machine(): Machine {
    return this.host.machine(this.server.metadata.uid ?? '')
  }

  #checkEndedRecord({ plural, key, before, after }: Write): void {
    if (plural !== 'serveractions' || !before || !after) return
    const [old, now] = [before, after].map(({ status }) => (status as ServerAction['status'])?.phase ?? 'Pending')
    if (['Succeeded', 'Failed', 'Rejected'].includes(old ?? '') && old !== now)
      this.reopenedRecords.push(`${key} had ended as ${old} and is ${now}`)
  }

  /** The action and phase of each ServerAction, such as "start Succeeded", in the order of creation. */
  get recordSummaries(): string[] {
    const all = this.api.list<ServerAction>('serveractions')
    return all.map(({ spec, status }) => `${spec.action} ${status?.phase}`)
  }

  async create(spec: Partial<Server['spec']> = {}): Promise<void> {
    const metadata = { ...KEY, finalizers: [FINALIZER] }
    await this.servers.create({ metadata, spec: { flavor: 'tiny', image: { name: 'cirros' }, ...spec } }, USER)
    await this.place(HOST)
  }

  async place(host: string, more: Partial<Instance> = {}): Promise<void> {
    const instance: Instance = {
      uuid: this.server.metadata.uid ?? '',
      availabilityZone: 'nova',
      flavor: { name: 'tiny', ...sizes },
      image,
      interfaces: [],
      keys: [],
      ...more,
    }
    const status = placedStatus(
      this.server,
      { host, instance, rejectedHosts: this.status.rejectedHosts ?? [] },
      this.now(),
    )
    await this.servers.applyStatus({ metadata: KEY, status }, SCHEDULER)
  }

  now(): string {
    return this.clock.wall().toISOString()
  }

  async setDesiredPower(powerState: Server['spec']['powerState']): Promise<void> {
    await this.servers.patch(KEY, { spec: { powerState } }, USER)
  }

  async delete(): Promise<void> {
    await this.servers.delete(KEY)
  }

  /** Requests an action as the user does, and admits it as the controller does. Returns the request's uid. */
  async requestAction(action: string, params: Record<string, unknown> = {}, name = `${action}-1`): Promise<string> {
    const spec = { server: 'web', action, [action]: params }
    const { metadata } = await this.actions.create({ metadata: { namespace: 'demo', name }, spec }, USER)
    const { uid = '' } = metadata
    const activeAction = { name, uid, action, params, admittedAt: this.now() }
    await this.servers.applyStatus({ metadata: KEY, status: { activeAction } }, ADMISSION)
    return uid
  }

  /** Starts a new process of the agent. */
  startAgent(life: Life = new Life()): AgentLife {
    const events: EventDetails[] = []
    const record = { event: (h: EventDetails) => void events.push(h), flush: async () => undefined }
    const deps: Deps = {
      hostName: HOST,
      host: this.host.connect(life),
      isLibvirtAway: () => this.isLibvirtAway,
      servers: this.api.resource<Server>(resourceDefOf(serverKind), life),
      onWritten: () => undefined,
      actions: this.api.resource<ServerAction>(resourceDefOf(serverAction), life),
      events: { ...record, [Symbol.asyncDispose]: async () => undefined },
      attempts: createAttempts(this.#attempts, () => this.clock.now()),
      onStep: () => undefined,
      runs: new ActionRuns(),
      clocks: { monotonic: () => this.clock.now(), wall: () => this.now() },
      shutdownTimeout: 60,
    }
    return { life, deps, events }
  }

  /**
   * Rejects with Killed if the agent is killed meanwhile.
   * @param seen the server in the agent's informer cache
   */
  reconcileOnce(
    { life, deps }: AgentLife,
    seen: Server = this.server,
    signal = new AbortController().signal,
  ): Promise<Outcome> {
    return life.runUntilKilled(reconcileServer(seen, deps, { signal, log: noLog, priority: 'normal', attempt: 1 }))
  }

  async reconcileUntilSettled(agent: AgentLife = this.startAgent()): Promise<AgentLife> {
    for (let passes = 0; passes < 60; passes++) {
      const before = this.api.find('servers', 'demo/web') as Server | undefined
      if (before?.status?.host !== HOST) return agent
      const waitMs = await this.reconcileOnce(agent).then(
        (outcome) => (outcome.kind === 'wait' ? outcome.recheckAfter : undefined),
        (error: unknown) => {
          if (error instanceof Killed) throw error
          return 100
        },
      )
      if (waitMs !== undefined) await this.clock.advance(waitMs)
      const after = this.api.find('servers', 'demo/web') as Server | undefined
      if (waitMs === undefined && after?.metadata.resourceVersion === before.metadata.resourceVersion) return agent
    }
    throw new Error(`the server does not settle: ${JSON.stringify(this.server.status, undefined, 2)}`)
  }
}

export const writesOf = ({ life }: AgentLife): string[] =>
  life.effects.filter((name) => name.includes('/')).map((name) => name.replace(/\/.*/, ''))

export async function startBenchWithActiveServer(spec: Partial<Server['spec']> = {}): Promise<Bench> {
  const bench = new Bench()
  await bench.create(spec)
  await bench.reconcileUntilSettled()
  return bench
}

/** Returns the name of a host function that only this step calls. */
export const hostCallOf = (step: string): string =>
  step === 'shutdown' ? 'domains.requestShutdown' : `domains.${step}`

export const busyLibvirt = new Transient('LibvirtError', 'libvirt is busy')
export const unsupportedMachine = new Terminal('UnsupportedHardware', 'QEMU has no machine q99')

export async function startIgnoringPowerButton(): Promise<Bench> {
  const bench = await startBenchWithActiveServer()
  bench.machine.obeysPowerButton = false
  return bench
}

/**
 * @param desired the power that the server should have reached
 * @param from the power that the server had reached before; undefined if the creation of the server is to fail
 */
export async function startBenchWithServerInError(
  step: string,
  desired: DesiredPower,
  from?: DesiredPower,
): Promise<Bench> {
  const bench = from === undefined ? new Bench() : await startBenchWithActiveServer({ powerState: from })
  await (from === undefined ? bench.create({ powerState: desired }) : bench.setDesiredPower(desired))
  await bench.reconcileUntilSettled(bench.startAgent(new Life().fail(hostCallOf(step), unsupportedMachine)))
  return bench
}

export const readyOf = ({ status }: Bench) => findCondition(status.conditions, 'Ready')
export const conditionTypesOf = ({ status }: Bench): string[] =>
  (status.conditions ?? []).map(({ type }) => type).sort()

/** The main fields of the server's status. */
export const summaryOf = (bench: Bench): object => {
  const { vmState, powerState, taskState, fault, reachedPowerState, actionRecords } = bench.status
  return {
    vmState,
    powerState,
    taskState,
    fault: fault?.message,
    reachedPowerState,
    actionRecords,
    ready: readyOf(bench)?.status,
  }
}
