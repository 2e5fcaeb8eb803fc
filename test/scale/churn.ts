/** What users and operators do all day, at random but the same at each run: a number of servers is kept up, replaced, switched, rebooted. */
import { setTimeout as delay } from 'node:timers/promises'
import { serverAction } from '../../actions/index.ts'
import { hypervisor, port, resourceDefOf, type Server, type ServerAction, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { isNotFound } from '../../kube/errors.ts'
import { hostNameOf } from './fleet.ts'
import { makeServer, serverDraft } from './projects.ts'

export interface ChurnOptions {
  kube: Kube
  projects: readonly string[]
  hosts: number
  servers: number
  perSecond: number
  seed?: number
}

type Random = (below: number) => number

/** Servers live in slots. In every other slot names come back with other uids, in the rest they never do. */
interface Slot {
  readonly namespace: string
  readonly number: number
  generation: number
}
const NAMES = 3
/** Operations under way at the same time. */
const AT_ONCE = 8
const nameOf = ({ number, generation }: Slot): string =>
  `s${number}-${number % 2 === 0 ? generation % NAMES : generation}`

export interface Tally {
  done: Record<string, number>
  /** What the API server did not take, being away for instance. */
  failed: Record<string, number>
}

interface Churn extends ChurnOptions {
  slots: Slot[]
  random: Random
}

type Operation = (churn: Churn, slot: Slot) => Promise<unknown>

const wishes: readonly Server['spec']['powerState'][] = ['Running', 'Stopped', 'Paused', 'Suspended']

const operations: Record<string, { weight: number; run: Operation }> = {
  replace: { weight: 4, run: replace },
  power: { weight: 6, run: (churn, slot) => patch(churn, slot, { powerState: pick(churn, wishes) }) },
  tag: { weight: 2, run: (churn, slot) => patch(churn, slot, { tags: [`t${churn.random(9)}`] }) },
  reboot: { weight: 5, run: reboot },
  port: { weight: 2, run: withPort },
  operator: {
    weight: 1,
    run: ({ kube, random, hosts }) => disable(kube, hostNameOf(1 + random(hosts)), random(4) === 0),
  },
}

/** Makes the servers, then keeps at it until `signal` aborts. */
export async function churn(options: ChurnOptions, tally: Tally, signal: AbortSignal): Promise<void> {
  const { projects, servers, perSecond, seed = 1 } = options
  const slots = Array.from({ length: servers }, (_, number) => ({
    namespace: projects[number % projects.length] ?? '',
    number,
    generation: 0,
  }))
  const all: Churn = { ...options, slots, random: randomOf(seed) }
  for (const slot of slots) await makeServer(options.kube, serverDraft(slot.namespace, nameOf(slot)))
  const bag = Object.entries(operations).flatMap(([name, { weight }]) => Array<string>(weight).fill(name))
  const running = new Set<Promise<void>>()
  const busy = new Set<Slot>()
  while (!signal.aborted) {
    // On a busy machine fewer are done: what piles up would look like a leak.
    if (running.size >= Math.min(AT_ONCE, servers)) await Promise.race(running)
    const name = pick(all, bag)
    const slot = idle(all, busy)
    busy.add(slot)
    const turn = once(name, all, slot, tally).finally(() => {
      busy.delete(slot)
      running.delete(turn)
    })
    running.add(turn)
    await delay(1000 / perSecond, undefined, { signal }).catch(() => undefined) // aborted: the loop ends
  }
  await Promise.all(running)
}

/** Two at once in one slot would take away what the other needs: a server would wait for ever for a Port that is gone. */
function idle(all: Churn, busy: ReadonlySet<Slot>): Slot {
  const slot = pick(all, all.slots)
  return busy.has(slot) ? idle(all, busy) : slot
}

async function once(name: string, all: Churn, slot: Slot, tally: Tally): Promise<void> {
  const count = (where: Record<string, number>): void => void (where[name] = (where[name] ?? 0) + 1)
  try {
    await operations[name]?.run(all, slot)
    count(tally.done)
  } catch {
    count(tally.failed)
  }
}

/** The last of the slot is deleted; the next has its name's turn. */
async function replace({ kube }: Churn, slot: Slot): Promise<void> {
  const before = nameOf(slot)
  slot.generation += 1
  await remove(kube, slot.namespace, before)
  await makeServer(kube, serverDraft(slot.namespace, nameOf(slot)))
}

/** The same with a port that its user made. */
async function withPort({ kube }: Churn, slot: Slot): Promise<void> {
  const before = nameOf(slot)
  slot.generation += 1
  const [name, namespace] = [nameOf(slot), slot.namespace]
  const fixed = { metadata: { name: `port-${name}`, namespace }, spec: { network: { name: 'default' } } }
  await kube.resource(resourceDefOf(port)).apply(fixed)
  await remove(kube, namespace, before)
  await makeServer(kube, serverDraft(namespace, name, { networks: [{ port: fixed.metadata.name }] }))
}

async function remove(kube: Kube, namespace: string, name: string): Promise<void> {
  await kube.resource(resourceDefOf(server)).delete({ namespace, name }).catch(unlessGone)
  await kube
    .resource(resourceDefOf(port))
    .delete({ namespace, name: `port-${name}` })
    .catch(unlessGone)
}

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error
}

async function patch({ kube }: Churn, slot: Slot, spec: object): Promise<void> {
  await kube.resource(resourceDefOf(server)).patch({ namespace: slot.namespace, name: nameOf(slot) }, { spec })
}

async function reboot({ kube, random }: Churn, slot: Slot): Promise<void> {
  const { namespace } = slot
  const spec = { server: nameOf(slot), action: 'reboot', reboot: { type: random(2) ? 'HARD' : 'SOFT' } }
  const deed = { metadata: { namespace, generateName: `reboot-${slot.number}-` }, spec }
  await kube.resource<ServerAction>(resourceDefOf(serverAction)).create(deed)
}

/** Most are enabled most of the time. */
async function disable(kube: Kube, name: string, disabled: boolean): Promise<void> {
  await kube.resource(resourceDefOf(hypervisor)).patch({ name }, { spec: { disabled } })
}

function pick<T>({ random }: { random: Random }, from: readonly T[]): T {
  const found = from[random(from.length)]
  if (found === undefined) throw new Error('there is nothing to pick from')
  return found
}

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below)
  }
}
