// Runs the cases of the kill matrix with several workers, each on its own cloud. A case kills one process before or
// after one effect of agent or controller.
import { createScratchDirectory, keepArtefacts } from '../rig/scratch.ts'
import { type Case, casesOf, killPointsOf, type NextStep, nextStep, type ReachedPoint, stablePoints } from './cases.ts'
import { ChaosCloud } from './chaos-cloud.ts'
import type { FaultName } from './faults.ts'
import { startGatedCloud } from './gated-cloud.ts'
import { nameOf } from './gatekeeper.ts'
import { type Matrix, NOT_REACHED, type Result } from './matrix.ts'
import { PlannedKill } from './planned-kill.ts'
import { type StoryName, stories } from './stories.ts'

export interface RunOptions {
  stories: readonly StoryName[]
  faults: readonly FaultName[]
  clouds: number
  /** Called after each case, so that results can be saved before the run ends. */
  onResult?: (matrix: Matrix) => void
  /** Selects the cases to run; undefined: all. */
  selects?: (candidate: Case) => boolean
  log: (line: string) => void
}

const SERVER = 'vm'
/** Number of attempts to start a cloud, and to run a case until it reaches the moment at which it kills a process. */
const ATTEMPTS = 4
/**
 * Moments at which the controller deletes an object that Kubernetes' garbage collector may delete first. A case that
 * misses such a moment in every attempt is dropped, not failed.
 */
const garbageCollected = /^controller: (before|after) delete (Port|ServerAction)( \(\d+\))?$/

export async function runCases(options: RunOptions): Promise<Matrix> {
  const first = await startMatrixCloud(options.log)
  let points: Map<StoryName, ReachedPoint[]>
  try {
    points = await recordAllPoints(first, options)
  } catch (error) {
    await first.gated.stop()
    throw error
  }
  const { faults, clouds, selects = () => true } = options
  const pending = options.stories.flatMap((story) => casesOf(story, points.get(story) ?? [], faults)).filter(selects)
  const rows = new Map(
    options.stories.map((story) => [story, (points.get(story) ?? []).map(({ point }) => nameOf(point))]),
  )
  const results: Result[] = []
  const addResult = (result: Result): void => {
    results.push(result)
    options.onResult?.({ results, rows })
  }
  const workers = Array.from(
    { length: clouds },
    (_, i) => new Worker(options, pending, { addResult, cloud: i === 0 ? first : undefined }),
  )
  await Promise.all(workers.map((worker) => worker.run()))
  return { results, rows }
}

async function startMatrixCloud(log: (line: string) => void): Promise<ChaosCloud> {
  const cloud = await startChaosCloud(log)
  cloud.image = 'button'
  return cloud
}

export async function startChaosCloud(log: (line: string) => void): Promise<ChaosCloud> {
  const gated = await startGatedCloud(createScratchDirectory())
  log(`cloud: ${gated.cloud.plane.server}`)
  return new ChaosCloud(gated, log)
}

/** Returns the points (moments before or after an effect) that both of two runs without kills reached. */
async function recordAllPoints(
  cloud: ChaosCloud,
  { stories: names, log }: RunOptions,
): Promise<Map<StoryName, ReachedPoint[]>> {
  const points = new Map<StoryName, ReachedPoint[]>()
  for (const name of names) {
    const [first, second] = [await recordPoints(cloud, name), await recordPoints(cloud, name)]
    points.set(name, killPointsOf(name, stablePoints(first, second)))
  }
  await cloud.clear()
  log(`recorded the points of ${names.join(', ')}`)
  return points
}

/** Before an operation that deletes the server, makes a new server, because it has the fewest objects to delete. */
async function recordPoints(cloud: ChaosCloud, name: StoryName): Promise<ReachedPoint[]> {
  if (stories[name].to === 'absent') await cloud.clear()
  for (;;) {
    const step = nextStepOn(cloud, [{ story: name, pointName: '', fault: 'agent' }])
    if (!step) throw new Error(`no sequence of stories leads to ${name}`)
    const points = await runWithoutFaults(cloud, 'prepare' in step ? step.prepare : name)
    if ('run' in step) return points
  }
}

const nextStepOn = (cloud: ChaosCloud, pending: readonly Case[]): NextStep | undefined =>
  nextStep(pending, cloud.serverOf(SERVER))

/** Returns the points (moments before or after an effect) in order. Throws if the checks find violations. */
async function runWithoutFaults(cloud: ChaosCloud, name: StoryName): Promise<ReachedPoint[]> {
  const points: ReachedPoint[] = []
  const onPoint = (server: string, point: ReachedPoint['point']): void => {
    points.push({ point, hasQemu: cloud.hasQemu(server) })
  }
  const violations = await cloud.runStories(new Map([[SERVER, name]]), { onPoint })
  if (violations.length > 0) throw new Error(`${name}, without any fault: ${violations.join('; ')}`)
  return points
}

class Worker {
  readonly #options: RunOptions
  readonly #addResult: (result: Result) => void
  readonly #pending: Case[]
  readonly #attempts = new Map<Case, number>()
  #cloud: ChaosCloud | undefined

  constructor(
    options: RunOptions,
    pending: Case[],
    { addResult, cloud }: { addResult: (result: Result) => void; cloud: ChaosCloud | undefined },
  ) {
    this.#options = options
    this.#addResult = addResult
    this.#pending = pending
    this.#cloud = cloud
  }

  async run(): Promise<void> {
    try {
      while (this.#pending.length > 0) await this.#runNext()
    } finally {
      await this.#cloud?.gated.stop()
    }
  }

  async #runNext(): Promise<void> {
    this.#cloud ??= await this.#startCloud()
    const step = nextStepOn(this.#cloud, this.#pending)
    // Another worker has taken the last case.
    if (!step) return
    if ('prepare' in step) await this.#runPreparingStory(this.#cloud, step.prepare)
    else await this.#runCase(this.#cloud, step.run)
  }

  async #startCloud(): Promise<ChaosCloud> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await startMatrixCloud(this.#options.log)
      } catch (error) {
        if (attempt === ATTEMPTS) throw error
        this.#options.log(`the cloud did not start: ${String(error)}`)
      }
    }
  }

  async #runPreparingStory(cloud: ChaosCloud, name: StoryName): Promise<void> {
    await runWithoutFaults(cloud, name).catch((error: unknown) => this.#discardCloud(cloud, error))
  }

  async #runCase(cloud: ChaosCloud, next: Case): Promise<void> {
    this.#pending.splice(this.#pending.indexOf(next), 1)
    const started = performance.now()
    const secondsSoFar = (): number => (performance.now() - started) / 1000
    try {
      const kill = new PlannedKill(cloud.gated.cloud, next.pointName, next.fault)
      const violations = await cloud.runStories(new Map([[SERVER, next.story]]), kill)
      const isReached = kill.state === 'recovered'
      if (violations.length === 0 && !isReached) return this.#retry(next)
      const all = isReached ? violations : ['was not reached', ...violations]
      this.#report({ ...next, violations: all, seconds: secondsSoFar() })
      if (violations.length === 0) return
      this.#options.log(`artefacts: ${keepArtefacts(cloud.gated.dir, `chaos-${Date.now()}`)}`)
      await cloud.clear()
    } catch (error) {
      this.#report({ ...next, violations: [String(error)], seconds: secondsSoFar() })
      await this.#discardCloud(cloud, error)
    }
  }

  /**
   * Queues the case again. After its last attempt it fails, or is dropped if Kubernetes' garbage collector may have
   * been faster than the controller.
   */
  #retry(next: Case): void {
    const { story, pointName, fault } = next
    const attempts = (this.#attempts.get(next) ?? 0) + 1
    this.#attempts.set(next, attempts)
    if (attempts < ATTEMPTS) this.#pending.push(next)
    else if (garbageCollected.test(pointName)) this.#options.log(`${story} | ${pointName} | ${fault}: dropped`)
    else this.#report({ ...next, violations: [NOT_REACHED], seconds: 0 })
  }

  async #discardCloud(cloud: ChaosCloud, error: unknown): Promise<void> {
    this.#options.log(`starting a new cloud after an error: ${String(error)}`)
    await cloud.gated.stop()
    this.#cloud = undefined
  }

  #report(result: Result): void {
    this.#addResult(result)
    const { story, pointName, fault, violations, seconds } = result
    const outcome = violations.length > 0 ? `FAILED: ${violations.join('; ')}` : 'ok'
    const pending = `${this.#pending.length} pending`
    this.#options.log(`${story} | ${pointName} | ${fault} | ${seconds.toFixed(1)} s | ${pending} | ${outcome}`)
  }
}
