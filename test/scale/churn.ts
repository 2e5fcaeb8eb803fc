/**
 * Random operations of users and operators on a constant number of Servers. The same seed gives the same operations.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { serverAction } from '../../actions/index.ts'
import { hypervisor, port, resourceDefOf, type Server, type ServerAction, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { isNotFound } from '../../kube/errors.ts'
import { hostNameOf } from './fleet.ts'
import { createServer, serverDraft } from './projects.ts'

export interface ChurnOptions {
  kube: Kube
  projects: readonly string[]
  hosts: number
  servers: number
  perSecond: number
  seed?: number
}

type Random = (below: number) => number

/**
 * The place of one Server; when it is deleted, a new one is created there. In even slots, the new Server may reuse an
 * old name (with another uid). In odd slots, each name is new.
 */
interface Slot {
  readonly namespace: string
  readonly number: number
  generation: number
}
const NAMES_PER_SLOT = 3
/** Maximum number of concurrent operations. */
const MAX_CONCURRENT = 8
const nameOf = ({ number, generation }: Slot): string =>
  `s${number}-${number % 2 === 0 ? generation % NAMES_PER_SLOT : generation}`

export interface Tally {
  done: Record<string, number>
  failed: Record<string, number>
}

interface ChurnState extends ChurnOptions {
  slots: Slot[]
  random: Random
}

type Operation = (churn: ChurnState, slot: Slot) => Promise<unknown>

const desiredPowers: readonly Server['spec']['powerState'][] = ['Running', 'Stopped', 'Paused', 'Suspended']

const operations: Record<string, { weight: number; run: Operation }> = {
  replace: { weight: 4, run: replaceServer },
  power: { weight: 6, run: (churn, slot) => patchServer(churn, slot, { powerState: pick(churn, desiredPowers) }) },
  tag: { weight: 2, run: (churn, slot) => patchServer(churn, slot, { tags: [`t${churn.random(9)}`] }) },
  reboot: { weight: 5, run: requestReboot },
  port: { weight: 2, run: replaceServerUsingOwnPort },
  operator: {
    weight: 1,
    run: ({ kube, random, hosts }) => setDisabled(kube, hostNameOf(1 + random(hosts)), random(4) === 0),
  },
}

/** Runs operations until `signal` aborts. Counts them in `tally`. */
export async function runChurn(options: ChurnOptions, tally: Tally, signal: AbortSignal): Promise<void> {
  const { projects, servers, perSecond, seed = 1 } = options
  const slots = Array.from({ length: servers }, (_, number) => ({
    namespace: projects[number % projects.length] ?? '',
    number,
    generation: 0,
  }))
  const state: ChurnState = { ...options, slots, random: seededRandom(seed) }
  for (const slot of slots) await createServer(options.kube, serverDraft(slot.namespace, nameOf(slot)))
  const weightedNames = Object.entries(operations).flatMap(([name, { weight }]) => Array<string>(weight).fill(name))
  const running = new Set<Promise<void>>()
  const busy = new Set<Slot>()
  while (!signal.aborted) {
    // Without a limit, more operations would run at once on a busy machine, and their memory would look like a leak.
    if (running.size >= Math.min(MAX_CONCURRENT, servers)) await Promise.race(running)
    const name = pick(state, weightedNames)
    const slot = pickIdleSlot(state, busy)
    busy.add(slot)
    const operation = runOperation(name, state, slot, tally).finally(() => {
      busy.delete(slot)
      running.delete(operation)
    })
    running.add(operation)
    await delay(1000 / perSecond, undefined, { signal }).catch(() => undefined) // after an abort the loop ends
  }
  await Promise.all(running)
}

/**
 * Two operations in one slot could conflict: if one deletes a Port while the other creates a Server with this Port, the
 * Server waits for the Port for ever.
 */
function pickIdleSlot(state: ChurnState, busy: ReadonlySet<Slot>): Slot {
  const slot = pick(state, state.slots)
  return busy.has(slot) ? pickIdleSlot(state, busy) : slot
}

async function runOperation(name: string, state: ChurnState, slot: Slot, tally: Tally): Promise<void> {
  const count = (counts: Record<string, number>): void => void (counts[name] = (counts[name] ?? 0) + 1)
  try {
    await operations[name]?.run(state, slot)
    count(tally.done)
  } catch {
    count(tally.failed)
  }
}

async function replaceServer({ kube }: ChurnState, slot: Slot): Promise<void> {
  const before = nameOf(slot)
  slot.generation += 1
  await deleteServerAndPort(kube, slot.namespace, before)
  await createServer(kube, serverDraft(slot.namespace, nameOf(slot)))
}

async function replaceServerUsingOwnPort({ kube }: ChurnState, slot: Slot): Promise<void> {
  const before = nameOf(slot)
  slot.generation += 1
  const [name, namespace] = [nameOf(slot), slot.namespace]
  const userPort = { metadata: { name: `port-${name}`, namespace }, spec: { network: { name: 'default' } } }
  await kube.resource(resourceDefOf(port)).apply(userPort)
  await deleteServerAndPort(kube, namespace, before)
  await createServer(kube, serverDraft(namespace, name, { networks: [{ port: userPort.metadata.name }] }))
}

async function deleteServerAndPort(kube: Kube, namespace: string, name: string): Promise<void> {
  await kube.resource(resourceDefOf(server)).delete({ namespace, name }).catch(ignoreNotFound)
  await kube
    .resource(resourceDefOf(port))
    .delete({ namespace, name: `port-${name}` })
    .catch(ignoreNotFound)
}

function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error
}

async function patchServer({ kube }: ChurnState, slot: Slot, spec: object): Promise<void> {
  await kube.resource(resourceDefOf(server)).patch({ namespace: slot.namespace, name: nameOf(slot) }, { spec })
}

async function requestReboot({ kube, random }: ChurnState, slot: Slot): Promise<void> {
  const { namespace } = slot
  const spec = { server: nameOf(slot), action: 'reboot', reboot: { type: random(2) ? 'HARD' : 'SOFT' } }
  const request = { metadata: { namespace, generateName: `reboot-${slot.number}-` }, spec }
  await kube.resource<ServerAction>(resourceDefOf(serverAction)).create(request)
}

async function setDisabled(kube: Kube, name: string, disabled: boolean): Promise<void> {
  await kube.resource(resourceDefOf(hypervisor)).patch({ name }, { spec: { disabled } })
}

function pick<T>({ random }: { random: Random }, list: readonly T[]): T {
  const picked = list[random(list.length)]
  if (picked === undefined) throw new Error('the list is empty')
  return picked
}

/** Uses the generator mulberry32. The same seed gives the same numbers on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below)
  }
}
