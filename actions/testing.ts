/** Servers on a fake host, in each state an action may find them in, for the tests of actions. */
import { type Instance, Refused, type Server, type VmState } from '../crds/index.ts'
import { FakeHost } from '../test/fakes/host.ts'
import { Life } from '../test/fakes/life.ts'
import { type Action, isRefusal, runStep, type Step, type StepInput } from './action.ts'
import type { Guest } from './host/index.ts'
import { actions } from './index.ts'

export const UID = 'uid-web'

const instance: Instance = {
  uuid: UID,
  availabilityZone: 'nova',
  flavor: { name: 'tiny', vcpus: 1, ram: 64, disk: 1, ephemeral: 0, swap: 0 },
  image: { name: 'cirros', namespace: 'demo', uid: 'uid-cirros', url: 'https://example.com/cirros', format: 'qcow2' },
  interfaces: [],
  keys: [],
}

/** An image that a request to rescue names. */
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
  /** Each step is done this many times. */
  times?: number
  /** Called when a step lasts, before it is tried again: between two reconciles of the agent. */
  onWait?(): void
}

/** Tries a step until it is done; the time until each check passes at once. */
async function runToEnd<P>(step: Step<P>, input: Omit<StepInput<P>, 'elapsedMs'>, onWait: () => void): Promise<void> {
  for (let elapsedMs = 0; ; onWait()) {
    const result = await runStep(step, { ...input, elapsedMs })
    if (isRefusal(result)) throw new Refused(result.refused.reason, result.refused.message)
    if (result.done) return
    elapsedMs += result.checkAfterMs
  }
}

/** Does the steps of an action in order, as the agent does. Rejects with what a step throws, or Killed. */
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
  const mode = action.result === 'gone' ? guest.mode : (action.result.mode ?? guest.mode)
  const input = {
    host: host.connect(life),
    guest: { ...guest, ...(mode ? { mode } : {}) },
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

/** A host on which the server was built and started with the boot ID `m0`. */
async function built(): Promise<FakeHost> {
  const host = new FakeHost()
  await runOn(host, { action: actions.create, bootId: 'm0' })
  return host
}

const then = async (name: keyof typeof actions): Promise<FakeHost> => {
  const host = await built()
  await runOn(host, { action: actions[name], bootId: 'm0' })
  return host
}

const off = async (reason: string): Promise<FakeHost> => {
  const host = await built()
  host.turnDomainOff(UID, reason)
  return host
}

/** Of each state, the hosts that it may stand for. */
export const situations: Record<VmState, readonly (() => Promise<FakeHost>)[]> = {
  building: [async () => new FakeHost(), half],
  active: [built, deaf],
  paused: [() => then('pause')],
  suspended: [() => then('suspend')],
  stopped: [() => then('stop'), () => off('shutdown'), () => off('destroyed'), undefinedDomain],
  error: [async () => new FakeHost(), built, deaf, half, undefinedDomain, () => then('pause'), () => then('suspend')],
  rescued: [rescued],
  resized: [built],
  'soft-delete': [() => then('stop')],
  deleted: [async () => new FakeHost()],
  shelved: [() => then('stop')],
  shelved_offloaded: [async () => new FakeHost()],
}

/** Built, and then booted from a rescue disk with the boot ID `r0`. */
async function rescued(): Promise<FakeHost> {
  const host = await built()
  await runOn(host, { action: actions.rescue, bootId: 'r0' })
  return host
}

/** Built half-way: a crash came between disks and domain. */
async function half(): Promise<FakeHost> {
  const host = new FakeHost()
  Object.assign(host.machine(UID), { disks: true, configDrive: '{}' })
  host.images.uids.add(instance.image.uid)
  return host
}

/** Its guest does not answer the power button. */
async function deaf(): Promise<FakeHost> {
  const host = await built()
  host.machine(UID).obeysPowerButton = false
  return host
}

/** Someone undefined the domain on the host. */
async function undefinedDomain(): Promise<FakeHost> {
  const host = await built()
  host.machine(UID).domain = undefined
  return host
}
