// Plays the cases of a matrix on some clouds at once.
import { keepArtefacts, scratchDirectory } from '../rig/scratch.ts'
import { Ambush } from './ambush.ts'
import { type Case, casesOf, nextMove, type Passed, steady } from './cases.ts'
import { startGatedCloud } from './cloud.ts'
import type { FaultName } from './faults.ts'
import { nameOf } from './gatekeeper.ts'
import type { Matrix, Result } from './matrix.ts'
import { Stage } from './stage.ts'
import { type StoryName, storyNames } from './stories.ts'

export interface Programme {
  stories: readonly StoryName[]
  faults: readonly FaultName[]
  clouds: number
  /** Of all cases only those that this lets pass. */
  picks?: (all: Case, index: number) => boolean
  log: (line: string) => void
}

const SERVER = 'vm'
/** A case whose point is not reached is tried again: the garbage collector may have been quicker than the controller. */
const TRIES = 4

export async function play(programme: Programme): Promise<Matrix> {
  const first = await openStage(programme.log)
  let points: Map<StoryName, Passed[]>
  try {
    points = await rehearseAll(first, programme)
  } catch (error) {
    await first.gated.stop()
    throw error
  }
  const { stories, faults, clouds, picks = () => true } = programme
  const left = stories.flatMap((story) => casesOf(story, points.get(story) ?? [], faults)).filter(picks)
  const players = Array.from({ length: clouds }, (_, i) => new Player(programme, left, i === 0 ? first : undefined))
  await Promise.all(players.map((player) => player.play()))
  const rows = new Map(stories.map((story) => [story, (points.get(story) ?? []).map(({ point }) => nameOf(point))]))
  return { results: players.flatMap(({ results }) => results), rows }
}

export async function openStage(log: (line: string) => void): Promise<Stage> {
  const gated = await startGatedCloud(scratchDirectory())
  log(`cloud: ${gated.cloud.plane.server}`)
  return new Stage(gated)
}

/** An order in which each story finds what it needs. */
const order: StoryName[] = [
  'create',
  'delete',
  'create',
  'rename',
  'pause',
  'unpause',
  'suspend',
  'resume',
  'reboot HARD',
  'reboot SOFT',
  'stop',
  'start',
]

/** Each story twice, without faults. */
async function rehearseAll(stage: Stage, { stories, log }: Programme): Promise<Map<StoryName, Passed[]>> {
  const needed: readonly StoryName[] = [
    'create',
    'delete',
    ...stories,
    ...stories.flatMap((name) => partners[name] ?? []),
  ]
  const seen = new Map<StoryName, Passed[][]>()
  for (let times = 0; times < 2; times++) {
    for (const name of order.filter((story) => needed.includes(story)))
      seen.set(name, [...(seen.get(name) ?? []), await rehearse(stage, name)])
    await stage.clear()
  }
  log(`rehearsed ${[...seen.keys()].join(', ')}`)
  return new Map(storyNames.map((name) => [name, steady(seen.get(name)?.[0] ?? [], seen.get(name)?.[1] ?? [])]))
}

/** What comes before a story, or must come after it, for the next to find what it needs. */
const partners: Partial<Record<StoryName, StoryName[]>> = {
  pause: ['unpause'],
  unpause: ['pause'],
  suspend: ['resume'],
  resume: ['suspend'],
  stop: ['start'],
  start: ['stop'],
}

/** Tells a story without a fault, and gives the points that it passes, in order. */
async function rehearse(stage: Stage, name: StoryName): Promise<Passed[]> {
  const passed: Passed[] = []
  const watch = (server: string, point: Passed['point']): void => {
    passed.push({ point, qemu: stage.hasQemu(server) })
  }
  const wrong = await stage.tell(new Map([[SERVER, name]]), { watch })
  if (wrong.length > 0) throw new Error(`${name}, without any fault: ${wrong.join('; ')}`)
  return passed
}

class Player {
  readonly results: Result[] = []
  readonly #programme: Programme
  /** Shared by all players. */
  readonly #left: Case[]
  readonly #tries = new Map<Case, number>()
  #stage: Stage | undefined

  constructor(programme: Programme, left: Case[], stage: Stage | undefined) {
    this.#programme = programme
    this.#left = left
    this.#stage = stage
  }

  async play(): Promise<void> {
    try {
      for (;;) {
        this.#stage ??= await openStage(this.#programme.log)
        const move = nextMove(this.#left, this.#stage.actor(SERVER))
        if (!move) return
        if ('go' in move) await this.#go(this.#stage, move.go)
        else await this.#case(this.#stage, move.play)
      }
    } finally {
      await this.#stage?.gated.stop()
    }
  }

  async #go(stage: Stage, name: StoryName): Promise<void> {
    await rehearse(stage, name).catch((error: unknown) => this.#anew(stage, error))
  }

  async #case(stage: Stage, played: Case): Promise<void> {
    this.#left.splice(this.#left.indexOf(played), 1)
    const started = performance.now()
    try {
      const ambush = new Ambush(stage.gated.cloud, played.at, played.fault)
      const wrong = await stage.tell(new Map([[SERVER, played.story]]), ambush)
      const seconds = (performance.now() - started) / 1000
      if (wrong.length === 0 && !ambush.over) return this.#again(played)
      this.#add({ ...played, wrong: ambush.over ? wrong : ['was not reached', ...wrong], seconds })
      if (wrong.length === 0) return
      this.#programme.log(`kept: ${keepArtefacts(stage.gated.dir, `chaos-${this.results.length}`)}`)
      await stage.clear()
    } catch (error) {
      this.#add({ ...played, wrong: [String(error)], seconds: (performance.now() - started) / 1000 })
      await this.#anew(stage, error)
    }
  }

  /** A point that is never reached is a mistake of the runner's, not a right end. */
  #again(played: Case): void {
    const tries = (this.#tries.get(played) ?? 0) + 1
    this.#tries.set(played, tries)
    if (tries < TRIES) this.#left.push(played)
    else this.#add({ ...played, wrong: [`was not reached in ${tries} tries`], seconds: 0 })
  }

  /** What the stage is like is not known any more. */
  async #anew(stage: Stage, error: unknown): Promise<void> {
    this.#programme.log(`the cloud is made anew: ${String(error)}`)
    await stage.gated.stop()
    this.#stage = undefined
  }

  #add(result: Result): void {
    this.results.push(result)
    const { story, at, fault, wrong, seconds } = result
    const end = wrong.length > 0 ? `WRONG: ${wrong.join('; ')}` : 'ok'
    this.#programme.log(`${story} | ${at} | ${fault} | ${seconds.toFixed(1)} s | ${this.#left.length} left | ${end}`)
  }
}
