// Random stories of several servers at once, with random faults at random moments: also two, and one while the other is being recovered from.
// All choices are made from the seed before anything is told, but for what depends on how the servers are.
import { setTimeout as delay } from 'node:timers/promises'
import { type FaultName, faultNames, hasPaused, type Made, strike } from './faults.ts'
import type { Point } from './gatekeeper.ts'
import { nameOf } from './gatekeeper.ts'
import type { Plot, Stage } from './stage.ts'
import { type State, type StoryName, stories, storyNames } from './stories.ts'

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
export function dice(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Blow {
  kind: FaultName
  /** It falls at this many points after the one before it (or the beginning), whoever passes them. */
  after: number
  /** Milliseconds that the process which passes goes on before it falls: an effect is then under way. Undefined: it is held. */
  late?: number
}

export interface Act {
  told: Map<string, StoryName>
  blows: Blow[]
}

const actors = ['a', 'b', 'c']
/** Stories pass some 8 to 24 points each; a fault that is too far off does not fall. */
const FARTHEST = 16

/** What is played next, of servers in these states. */
export function nextAct(roll: () => number, stateOf: (server: string) => State): Act {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(roll() * list.length)] as T
  const told = new Map<string, StoryName>()
  for (const server of actors) {
    const may = storyNames.filter((name) => stories[name].from === stateOf(server))
    const name = pick(may)
    if (roll() < 0.6 || (told.size === 0 && server === actors.at(-1))) told.set(server, name)
  }
  const blows = Array.from({ length: roll() < 0.4 ? 2 : 1 }, (): Blow => {
    const blow = { kind: pick(faultNames), after: 1 + Math.floor(roll() * FARTHEST) }
    return roll() < 0.5 ? { ...blow, late: Math.floor(roll() * 300) } : blow
  })
  return { told, blows }
}

export const describeAct = ({ told, blows }: Act): string =>
  `${[...told].map(([server, name]) => `${server} ${name}`).join(', ')} | ${blows
    .map(({ kind, after, late }) => `${kind} +${after}${late === undefined ? '' : ` ${late} ms late`}`)
    .join(', ')}`

/** Faults as they fall. */
export class Storm implements Plot {
  readonly #stage: Stage
  readonly #blows: Blow[]
  #count = 0
  #falling = 0
  #fallen: Promise<void>[] = []
  readonly #paused = new Set<string>()
  readonly made: Made[] = []
  /** Where they fell, for the record. */
  readonly where: string[] = []

  constructor(stage: Stage, blows: readonly Blow[]) {
    this.#stage = stage
    this.#blows = [...blows]
  }

  get over(): boolean | undefined {
    return this.made.length === 0 ? undefined : this.#falling === 0
  }

  watch(server: string, point: Point): Promise<void> | undefined {
    if (hasPaused(point)) this.#paused.add(server)
    this.#count += 1
    const [blow] = this.#blows
    if (!blow || this.#count < blow.after) return undefined
    this.#blows.shift()
    this.#count = 0
    const held = Promise.withResolvers<void>()
    this.#fall(blow, server, nameOf(point), held.resolve)
    return held.promise
  }

  async failed(): Promise<void> {
    await Promise.all(this.#fallen)
  }

  #fall({ kind, late }: Blow, server: string, where: string, release: () => void): void {
    // Others have their own effects meanwhile.
    this.made.push({ kind, server, paused: this.#paused.has(server), midst: true })
    this.where.push(`${kind} at ${server}, ${where}`)
    this.#falling += 1
    const fall = async (): Promise<void> => {
      try {
        if (late !== undefined) {
          release()
          await delay(late)
        }
        const back = await strike(this.#stage.gated.cloud, kind, server)
        release()
        await back()
      } finally {
        release()
        this.#falling -= 1
      }
    }
    const fallen = fall()
    fallen.catch(() => undefined) // told by `failed`
    this.#fallen.push(fallen)
  }
}

export interface Played {
  act: Act
  /** Faults of it that fell: one that is too far off does not. */
  fell: number
  wrong: string[]
}

/** Of a run with less than this share of acts that had a fault it is not known what it has shown. */
const LEAST = 0.5

export interface Sum {
  acts: number
  /** With a fault at least. */
  struck: number
  wrong: number
  /** No end was wrong, and enough acts had a fault. */
  right: boolean
}

export function sumOf(played: readonly Played[]): Sum {
  const acts = played.length
  const struck = played.filter(({ fell }) => fell > 0).length
  const wrong = played.filter((act) => act.wrong.length > 0).length
  return { acts, struck, wrong, right: wrong === 0 && acts > 0 && struck >= LEAST * acts }
}

/** Plays acts until one ends wrong, or all are played. */
export async function playActs(
  stage: Stage,
  count: number,
  seed: number,
  log: (line: string) => void,
): Promise<Played[]> {
  const roll = dice(seed)
  stage.patient = false
  const played: Played[] = []
  for (let i = 0; i < count; i++) {
    const act = nextAct(roll, (server) => stage.actor(server).state)
    const storm = new Storm(stage, act.blows)
    const started = performance.now()
    const wrong = await stage.tell(act.told, storm)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const fell = storm.made.length
    const end = wrong.length > 0 ? `WRONG: ${wrong.join('; ')}` : fell > 0 ? 'ok' : 'ok, without a fault'
    log(`act ${i + 1} of ${count}: ${describeAct(act)} | ${storm.where.join(', ') || 'none'} | ${seconds} s | ${end}`)
    played.push({ act, fell, wrong })
    if (wrong.length > 0) break
  }
  return played
}
