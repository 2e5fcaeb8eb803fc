// Runs random operations on several servers at once. In each round, one or two random processes are killed, the second
// while the cloud recovers from the first kill. The seed and the states of the servers determine all choices.
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCloud, FaultPlan } from './chaos-cloud.ts'
import { type FaultName, faultNames, hasJustPaused, type InjectedFault, injectFault } from './faults.ts'
import type { Point } from './gatekeeper.ts'
import { nameOf } from './gatekeeper.ts'
import { type State, type StoryName, stories, storyNames } from './stories.ts'

/** mulberry32: numbers from 0 to 1; the same seed gives the same numbers. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface PlannedFault {
  fault: FaultName
  /**
   * Kill when all servers together have reached this number of points (moments before or after an effect) since the
   * previous kill or the start of the round.
   */
  afterPoints: number
  /**
   * Milliseconds from the point to the kill, which may then hit in the middle of an effect. Undefined: agent or
   * controller waits at the point until the process has been killed.
   */
  delayMs?: number
}

/**
 * `stories`: the operations of users that run at the same time, by server. `faults`: the processes that are killed
 * meanwhile.
 */
export interface Round {
  stories: Map<string, StoryName>
  faults: PlannedFault[]
}

const serverNames = ['a', 'b', 'c']
/**
 * Highest value of `afterPoints`. An operation has 8 to 24 points; with a much higher value, operations would often end
 * before the kill is due.
 */
const MAX_POINTS = 16

/** Leaves out operations that freeze QEMU, because such an operation fails when QEMU is killed. */
const randomStoryNames = storyNames.filter((name) => !stories[name].freezesQemuMs)

/** Chooses at random the operations to run at the same time, and the processes to kill meanwhile. */
export function nextRound(random: () => number, stateOf: (server: string) => State): Round {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const chosen = new Map<string, StoryName>()
  for (const server of serverNames) {
    const possible = randomStoryNames.filter((name) => stories[name].from === stateOf(server))
    const name = pick(possible)
    if (random() < 0.6 || (chosen.size === 0 && server === serverNames.at(-1))) chosen.set(server, name)
  }
  const faults = Array.from({ length: random() < 0.4 ? 2 : 1 }, (): PlannedFault => {
    const planned = { fault: pick(faultNames), afterPoints: 1 + Math.floor(random() * MAX_POINTS) }
    return random() < 0.5 ? { ...planned, delayMs: Math.floor(random() * 300) } : planned
  })
  return { stories: chosen, faults }
}

export const describeRound = (round: Round): string =>
  `${[...round.stories].map(([server, name]) => `${server} ${name}`).join(', ')} | ${round.faults
    .map((f) => `${f.fault} after ${f.afterPoints} points${f.delayMs === undefined ? '' : ` and ${f.delayMs} ms`}`)
    .join(', ')}`

/** Kills each planned process when the running operations have reached the planned number of points. */
export class RandomFaults implements FaultPlan {
  readonly #cloud: ChaosCloud
  readonly #planned: PlannedFault[]
  #pointsSinceFault = 0
  #active = 0
  #recoveries: Promise<void>[] = []
  readonly #pausedServers = new Set<string>()
  readonly injected: InjectedFault[] = []
  readonly places: string[] = []

  constructor(cloud: ChaosCloud, planned: readonly PlannedFault[]) {
    this.#cloud = cloud
    this.#planned = [...planned]
  }

  get state() {
    if (this.injected.length === 0) return 'pending'
    return this.#active === 0 ? 'recovered' : 'active'
  }

  onPoint(server: string, point: Point): Promise<void> | undefined {
    if (hasJustPaused(point)) this.#pausedServers.add(server)
    this.#pointsSinceFault += 1
    const [next] = this.#planned
    if (!next || this.#pointsSinceFault < next.afterPoints) return undefined
    this.#planned.shift()
    this.#pointsSinceFault = 0
    const hold = Promise.withResolvers<void>()
    this.#inject(next, server, { place: nameOf(point), release: hold.resolve })
    return hold.promise
  }

  async waitForRecovery(): Promise<void> {
    await Promise.all(this.#recoveries)
  }

  #inject(planned: PlannedFault, server: string, { place, release }: { place: string; release: () => void }): void {
    const { fault } = planned
    // An effect of another server may be under way at any time, so every random kill counts as one during an effect.
    this.injected.push({ fault, server, wasPaused: this.#pausedServers.has(server), isDuringEffect: true })
    this.places.push(`${fault} at ${server}, ${place}`)
    this.#active += 1
    const recovery = this.#injectAndRecover(planned, server, release)
    // waitForRecovery() throws the error later; until then, prevent an unhandled rejection.
    recovery.catch(() => undefined)
    this.#recoveries.push(recovery)
  }

  async #injectAndRecover({ fault, delayMs }: PlannedFault, server: string, release: () => void): Promise<void> {
    try {
      if (delayMs !== undefined) {
        release()
        await delay(delayMs)
      }
      const recover = await injectFault(this.#cloud.gated.cloud, fault, server)
      release()
      await recover()
    } finally {
      release()
      this.#active -= 1
    }
  }
}

export interface RoundResult {
  round: Round
  /** May be less than planned, because the operations may end before a kill is due. */
  injectedCount: number
  violations: string[]
}

/**
 * Share of the rounds in which at least one process must be killed. If fewer rounds have a kill, the run fails, because
 * it has tested too little.
 */
const MIN_SHARE_WITH_FAULTS = 0.5

export interface Summary {
  rounds: number
  roundsWithFaults: number
  failedRounds: number
  passed: boolean
}

export function summarizeRounds(results: readonly RoundResult[]): Summary {
  const rounds = results.length
  const roundsWithFaults = results.filter(({ injectedCount }) => injectedCount > 0).length
  const failedRounds = results.filter(({ violations }) => violations.length > 0).length
  const hasEnoughFaults = rounds > 0 && roundsWithFaults >= MIN_SHARE_WITH_FAULTS * rounds
  return { rounds, roundsWithFaults, failedRounds, passed: failedRounds === 0 && hasEnoughFaults }
}

/** Stops after the first round that fails. */
export async function runRounds(
  cloud: ChaosCloud,
  { count, seed, log }: { count: number; seed: number; log: (line: string) => void },
): Promise<RoundResult[]> {
  const random = createRandom(seed)
  cloud.waitsForBootBeforePause = false
  const results: RoundResult[] = []
  for (let i = 0; i < count; i++) {
    const round = nextRound(random, (server) => cloud.serverOf(server).state)
    const faults = new RandomFaults(cloud, round.faults)
    const started = performance.now()
    const violations = await cloud.runStories(round.stories, faults)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const result = { round, injectedCount: faults.injected.length, violations }
    const places = faults.places.join(', ') || 'no fault injected'
    log(`round ${i + 1} of ${count}: ${describeRound(round)} | ${places} | ${seconds} s | ${describeResult(result)}`)
    results.push(result)
    if (violations.length > 0) break
  }
  return results
}

function describeResult({ violations, injectedCount }: RoundResult): string {
  if (violations.length > 0) return `FAILED: ${violations.join('; ')}`
  return injectedCount > 0 ? 'ok' : 'ok, without a fault'
}
