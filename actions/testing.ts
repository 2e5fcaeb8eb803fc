/** Fake hosts with a server in each state in which an action may find it, for the tests of actions. */
import { type Instance, Refused, type Server, type VmState } from '../crds/index.ts'
import { FakeHost } from '../test/fakes/host.ts'
import { Life } from '../test/fakes/life.ts'
import { type Action, isRefusal, runStep, type Step, type StepInput } from './action.ts'
import type { Guest } from './host/index.ts'
import { actions } from './index.ts'
import { modeAfter } from './mode.ts'

export const UID = 'uid-web'

const instance: Instance = {
  uuid: UID,
  availabilityZone: 'nova',
  flavor: { name: 'tiny', vcpus: 1, ram: 64, disk: 1, ephemeral: 0, swap: 0 },
  image: { name: 'cirros', namespace: 'demo', uid: 'uid-cirros', url: 'https://example.com/cirros', format: 'qcow2' },
  interfaces: [],
  keys: [],
}

/** An image that a rescue request names. */
export const rescueImage: Instance['image'] = {
  name: 'rescue',
  namespace: 'demo',
  uid: 'uid-rescue',
  url: 'https://example.com/rescue',
  format: 'qcow2',
}

export function guestOf(spec: Partial<Server['spec']> = {}): Guest {
  const server: Server = {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: { name: 'web', namespace: 'demo', uid: UID, generation: 1 },
    spec: { flavor: 'tiny', configDrive: true, networks: [], powerState: 'Running', locked: false, ...spec },
    status: { host: 'h1', instance },
  }
  return { server, instance }
}

export interface Run {
  action: Action
  guest?: Guest
  params?: Record<string, unknown>
  bootId?: string
  life?: Life
  times?: number
  /** Called when a step is not done yet, before it is tried again. */
  onWait?(): void
}

/** Does not wait between two tries, but adds the time that the agent would wait to `elapsedMs`. */
async function runToEnd<P>(step: Step<P>, input: Omit<StepInput<P>, 'elapsedMs'>, onWait: () => void): Promise<void> {
  for (let elapsedMs = 0; ; onWait()) {
    const result = await runStep(step, { ...input, elapsedMs })
    if (isRefusal(result)) throw new Refused(result.refused.reason, result.refused.message)
    if (result.done) return
    elapsedMs += result.checkAfterMs
  }
}

/**
 * Executes the steps of an action in order, as the agent does. Rejects with Killed if the test ends the simulated agent
 * process.
 */
export async function runOn(
  host: FakeHost,
  {
    action,
    guest = guestOf(),
    params = {},
    bootId = 'm1',
    life = new Life(),
    times = 1,
    onWait = () => undefined,
  }: Run,
): Promise<void> {
  const { signal } = new AbortController()
  const input = {
    host: host.connect(life),
    guest: { ...guest, mode: modeAfter(action, guest.mode ?? 'normal') },
    params: params as never,
    bootId,
    signal,
    shutdownTimeout: 60,
  }
  const all = async (): Promise<void> => {
    for (const step of action.steps) for (let i = 0; i < times; i++) await runToEnd(step, input, onWait)
  }
  await life.runUntilKilled(all())
}

async function buildServer(): Promise<FakeHost> {
  const host = new FakeHost()
  await runOn(host, { action: actions.create, bootId: 'm0' })
  return host
}

const buildAndRun = async (name: keyof typeof actions): Promise<FakeHost> => {
  const host = await buildServer()
  await runOn(host, { action: actions[name], bootId: 'm0' })
  return host
}

const buildOff = async (reason: string): Promise<FakeHost> => {
  const host = await buildServer()
  host.turnDomainOff(UID, reason)
  return host
}

/**
 * For each vmState, functions that make a host with a server in that vmState. They differ in which parts of the server
 * exist on the host, or in how the guest behaves.
 */
export const situations: Record<VmState, readonly (() => Promise<FakeHost>)[]> = {
  building: [buildNothing, buildHalf],
  active: [buildServer, buildWithDeafGuest],
  paused: [() => buildAndRun('pause')],
  suspended: [() => buildAndRun('suspend')],
  stopped: [() => buildAndRun('stop'), () => buildOff('shutdown'), () => buildOff('destroyed'), buildWithoutDomain],
  error: [
    buildNothing,
    buildServer,
    buildWithDeafGuest,
    buildHalf,
    buildWithoutDomain,
    () => buildAndRun('pause'),
    () => buildAndRun('suspend'),
  ],
  rescued: [buildRescued],
  resized: [buildServer],
  'soft-delete': [() => buildAndRun('stop')],
  deleted: [async () => new FakeHost()],
  shelved: [() => buildAndRun('stop')],
  shelved_offloaded: [async () => new FakeHost()],
}

async function buildNothing(): Promise<FakeHost> {
  return new FakeHost()
}

/** For a server that was never built, the controller rejects every request that does not boot it. */
export const neverBuilt: ReadonlySet<() => Promise<FakeHost>> = new Set([buildNothing, buildHalf])

async function buildRescued(): Promise<FakeHost> {
  const host = await buildServer()
  await runOn(host, { action: actions.rescue, bootId: 'r0' })
  return host
}

/** The agent crashed after it had made the disks. */
async function buildHalf(): Promise<FakeHost> {
  const host = new FakeHost()
  Object.assign(host.machine(UID), { disks: true, configDrive: '{}' })
  host.images.uids.add(instance.image.uid)
  return host
}

async function buildWithDeafGuest(): Promise<FakeHost> {
  const host = await buildServer()
  host.machine(UID).obeysPowerButton = false
  return host
}

async function buildWithoutDomain(): Promise<FakeHost> {
  const host = await buildServer()
  host.machine(UID).domain = undefined
  return host
}
