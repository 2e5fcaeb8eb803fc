// Plays the cases of a matrix on some clouds at once.
import { keepArtefacts, scratchDirectory } from '../rig/scratch.ts'
import { Ambush } from './ambush.ts'
import type { ImageName } from './api.ts'
import { type Case, casesOf, type Move, nextMove, type Passed, steady } from './cases.ts'
import { startGatedCloud } from './cloud.ts'
import type { FaultName } from './faults.ts'
import { nameOf } from './gatekeeper.ts'
import { type Matrix, NOT_REACHED, type Result } from './matrix.ts'
import { Stage } from './stage.ts'
import { type StoryName, stories } from './stories.ts'

export interface Programme {
  stories: readonly StoryName[]
  faults: readonly FaultName[]
  clouds: number
  /** Told of all that has been found, after each case: a run may be ended by somebody. */
  found?: (matrix: Matrix) => void
  /** Of all cases only those that this lets pass. */
  picks?: (all: Case, index: number) => boolean
  log: (line: string) => void
}

const SERVER = 'vm'
/** A case whose point is not reached is tried again: the garbage collector may have been quicker than the controller. */
const TRIES = 4
/** What the garbage collector does as well: where it is always the quicker, the case stays untold. */
const collected = /^controller: (before|after) delete (Port|ServerAction)( \(\d+\))?$/

export async function play(programme: Programme): Promise<Matrix> {
  const first = await openStage(programme.log)
  let points: Map<StoryName, Passed[]>
  try {
    points = await rehearseAll(first, programme)
  } catch (error) {
    await first.gated.stop()
    throw error
  }
  const { faults, clouds, picks = () => true } = programme
  const left = programme.stories.flatMap((story) => casesOf(story, points.get(story) ?? [], faults)).filter(picks)
  const parts = images.map((image): Part => ({ image, left: left.filter(({ story }) => imageOf(story) === image) }))
  const rows = new Map(
    programme.stories.map((story) => [story, (points.get(story) ?? []).map(({ point }) => nameOf(point))]),
  )
  const results: Result[] = []
  const add = (result: Result): void => {
    results.push(result)
    programme.found?.({ results, rows })
  }
  const players = Array.from(
    { length: clouds },
    (_, i) => new Player(programme, parts, add, i === 0 ? first : undefined),
  )
  await Promise.all(players.map((player) => player.play()))
  return { results, rows }
}

export async function openStage(log: (line: string) => void): Promise<Stage> {
  const gated = await startGatedCloud(scratchDirectory())
  log(`cloud: ${gated.cloud.plane.server}`)
  return new Stage(gated, log)
}

/** Cases that are left, for all players, of servers on the same image. */
interface Part {
  image: ImageName
  left: Case[]
}

/** On which image a story is told: what asks the guest needs one that hears; the others do not wait for it to boot. */
const imageOf = (story: StoryName): ImageName => (stories[story].asksGuest ? 'guest' : 'blank')
const images: readonly ImageName[] = ['blank', 'guest']

/** Each story twice, without faults. One that ends a server is told of a new one: what goes with it is as little as can be. */
async function rehearseAll(stage: Stage, { stories: asked, log }: Programme): Promise<Map<StoryName, Passed[]>> {
  const points = new Map<StoryName, Passed[]>()
  for (const name of asked.toSorted((a, b) => images.indexOf(imageOf(a)) - images.indexOf(imageOf(b)))) {
    const [first, second] = [await rehearsed(stage, name), await rehearsed(stage, name)]
    points.set(name, steady(first, second))
  }
  await stage.clear()
  log(`rehearsed ${asked.join(', ')}`)
  return points
}

/** Its points, after whatever leads to it was told. */
async function rehearsed(stage: Stage, name: StoryName): Promise<Passed[]> {
  if (stage.image !== imageOf(name) || stories[name].to === 'absent') await stage.clear()
  stage.image = imageOf(name)
  for (;;) {
    const move = moveOn(stage, [{ story: name, at: '', fault: 'agent' }])
    if (!move) throw new Error(`no way to ${name}`)
    const passed = await rehearse(stage, 'go' in move ? move.go : name)
    if ('play' in move) return passed
  }
}

const moveOn = (stage: Stage, left: readonly Case[]): Move | undefined =>
  nextMove(left, { ...stage.actor(SERVER), hears: stage.image === 'guest' })

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
  readonly #programme: Programme
  readonly #found: (result: Result) => void
  readonly #parts: readonly Part[]
  #left: Case[] = []
  readonly #tries = new Map<Case, number>()
  #stage: Stage | undefined

  constructor(programme: Programme, parts: readonly Part[], found: (result: Result) => void, stage: Stage | undefined) {
    this.#programme = programme
    this.#found = found
    this.#parts = parts
    this.#stage = stage
  }

  async play(): Promise<void> {
    try {
      for (const { image, left } of this.#parts) {
        await this.#stage?.clear()
        this.#left = left
        while (left.length > 0) await this.#next(image)
      }
    } finally {
      await this.#stage?.gated.stop()
    }
  }

  async #next(image: ImageName): Promise<void> {
    this.#stage ??= await this.#open()
    this.#stage.image = image
    const move = moveOn(this.#stage, this.#left)
    // Another player may have taken the last case meanwhile.
    if (!move) return
    if ('go' in move) await this.#go(this.#stage, move.go)
    else await this.#case(this.#stage, move.play)
  }

  /** A machine that is busy may be too slow for a cloud to come up in time. */
  async #open(): Promise<Stage> {
    for (let tries = 1; ; tries++) {
      try {
        return await openStage(this.#programme.log)
      } catch (error) {
        if (tries === TRIES) throw error
        this.#programme.log(`no cloud: ${String(error)}`)
      }
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
      this.#programme.log(`kept: ${keepArtefacts(stage.gated.dir, `chaos-${Date.now()}`)}`)
      await stage.clear()
    } catch (error) {
      this.#add({ ...played, wrong: [String(error)], seconds: (performance.now() - started) / 1000 })
      await this.#anew(stage, error)
    }
  }

  /** Not reached is not a right end. */
  #again(played: Case): void {
    const tries = (this.#tries.get(played) ?? 0) + 1
    this.#tries.set(played, tries)
    if (tries < TRIES) this.#left.push(played)
    else if (collected.test(played.at)) this.#programme.log(`${played.story} | ${played.at} | ${played.fault}: untold`)
    else this.#add({ ...played, wrong: [NOT_REACHED], seconds: 0 })
  }

  /** What the stage is like is not known any more. */
  async #anew(stage: Stage, error: unknown): Promise<void> {
    this.#programme.log(`the cloud is made anew: ${String(error)}`)
    await stage.gated.stop()
    this.#stage = undefined
  }

  #add(result: Result): void {
    this.#found(result)
    const { story, at, fault, wrong, seconds } = result
    const end = wrong.length > 0 ? `WRONG: ${wrong.join('; ')}` : 'ok'
    this.#programme.log(`${story} | ${at} | ${fault} | ${seconds.toFixed(1)} s | ${this.#left.length} left | ${end}`)
  }
}
