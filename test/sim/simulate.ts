/** One run: a plan, and the schedule that its seed makes of it. The same plan gives the same run, to the last step. */
import { type Log, noLog } from '../../kube/log.ts'
import { flushPromises } from '../../kube/testing/fake-clock.ts'
import { Cloud } from './cloud.ts'
import { Doer } from './deeds.ts'
import { inError, records, recovering, unhealed, unmet, waitingForAddresses } from './goals.ts'
import { Invariants } from './invariants.ts'
import type { Op, Plan } from './plan.ts'
import { Random } from './random.ts'
import type { Sabotage } from './sabotage.ts'
import { stateOf } from './states.ts'

export interface RunOptions {
  /** Every step is kept as a line. */
  trace?: boolean
  sabotage?: Sabotage | undefined
  /** Of all runs: which states and points of failure they came by. */
  coverage?: Coverage
}

export interface Coverage {
  states: Set<number>
  points: Set<string>
}

export interface Outcome {
  /** What was wrong; empty: nothing. */
  broken: string[]
  steps: number
  /** Simulated ms. */
  ms: number
  writes: number
  /** The servers as they are at the end. */
  servers: unknown[]
  /** Of the whole trace: equal for equal runs. */
  hash: number
  trace: string[]
}

/** Longest time until all is well again, simulated: above the longest back-off (5 minutes) and the grace of leftovers. */
const RECOVERY_MS = 15 * 60_000
/** Until last words are written; and then without any. Now and then longer: what is done once a minute comes, too. */
const REST_MS = 11_000
const LONG_REST_MS = 130_000
const MOST_STEPS = 60_000
/** Those of a cloud that starts; and of a request or a fault: twice what was seen. */
const MOST_WRITES = 120
const MOST_WRITES_EACH = 20

export async function simulate(plan: Plan, options: RunOptions = {}): Promise<Outcome> {
  const run = new Run(plan, options)
  const drawn = Math.random
  // Every draw of every part comes from the seed.
  Math.random = run.random.next
  process.on('unhandledRejection', run.onUnhandled)
  try {
    await run.all()
  } finally {
    Math.random = drawn
    run.cloud.end()
    for (const point of run.cloud.weather.points) options.coverage?.points.add(point)
    await flushPromises()
    process.off('unhandledRejection', run.onUnhandled)
  }
  return run.outcome()
}

class Run {
  readonly random: Random
  readonly cloud: Cloud
  readonly #plan: Plan
  readonly #options: RunOptions
  readonly #invariants: Invariants
  readonly #doer: Doer
  readonly #trace: string[] = []
  #hash = 0x811c9dc5
  #steps = 0

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan
    this.#options = options
    this.random = new Random(plan.seed * 2 + 1)
    this.#invariants = new Invariants(() => this.cloud, MOST_WRITES + MOST_WRITES_EACH * plan.ops.length)
    const habits = new Map<string, number>()
    this.cloud = new Cloud({
      random: this.random,
      hosts: plan.hosts,
      controllers: plan.controllers,
      sabotage: options.sabotage,
      weigh: (lane) => {
        const known = habits.get(lane) ?? this.random.pick([1, 1, 1, 1, 0.3, 0.05])
        habits.set(lane, known)
        return known
      },
      onWrite: (write) => {
        this.#note(`  ${write.manager} ${write.after ? 'wrote' : 'removed'} ${write.plural}`)
        this.#invariants.onWrite(write)
        if (options.coverage && write.plural === 'servers') options.coverage.states.add(stateOf(this.cloud))
      },
      onHost: (host) => this.#invariants.onHost(host),
      log: (name) => (options.trace ? this.#log(name) : noLog),
      onCrash: (name, error) => this.#invariants.say(`${name} ended: ${String(error)}`),
    })
    this.#doer = new Doer(this.cloud, plan)
  }

  readonly onUnhandled = (error: unknown): void =>
    this.#invariants.say(`unhandled: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)

  get #isBroken(): boolean {
    return this.#invariants.broken.length > 0
  }

  async all(): Promise<void> {
    await this.#doer.furnish()
    for (const slot of this.cloud.slots) this.cloud.start(slot)
    for (const op of this.#plan.ops) await this.#until(op)
    await this.#recover()
  }

  outcome(): Outcome {
    const { broken, writes } = this.#invariants
    return {
      broken,
      steps: this.#steps,
      ms: this.cloud.time.now,
      writes,
      servers: this.cloud.api.list('servers'),
      hash: this.#hash >>> 0,
      trace: this.#trace,
    }
  }

  async #until({ steps = 0, ms = 0, deed }: Op): Promise<void> {
    const [lastStep, lastMs] = [this.#steps + steps, this.cloud.time.now + ms]
    while (!this.#isBroken && (this.#steps < lastStep || this.cloud.time.now < lastMs)) await this.#step()
    if (this.#isBroken) return
    this.#note(`== ${JSON.stringify(deed)}`)
    await this.#doer.do(deed)
  }

  /** The faults end. Everything must come right, and then nothing more happens. */
  async #recover(): Promise<void> {
    const { cloud } = this
    this.#note('== the faults end')
    await this.#doer.endFaults()
    cloud.lanes.calm = true
    await this.#settle(() => [...recovering(cloud), ...unmet(cloud, this.#plan)])
    if (this.#isBroken || inError(cloud).length === 0) return
    this.#note('== what failed is asked again')
    for (const { metadata } of inError(cloud)) await this.#doer.do({ do: 'ask', name: metadata.name, action: 'start' })
    await this.#settle(() => [...unmet(cloud, this.#plan), ...unhealed(cloud)])
  }

  /** Nothing is left to be done, in its time, and then nothing more happens. */
  async #settle(undone: () => string[]): Promise<void> {
    const { cloud } = this
    const end = cloud.time.now + RECOVERY_MS
    let left = ['not looked at']
    while (left.length > 0 && cloud.time.now < end && !this.#isBroken) {
      await this.#pass(1000)
      left = undone()
    }
    for (const what of left) this.#invariants.say(`never: ${what}`)
    if (!this.#isBroken) await this.#rest()
  }

  async #rest(): Promise<void> {
    const { cloud } = this
    // Figures and last words are written a little later.
    const ms = this.#plan.seed % 20 === 0 ? LONG_REST_MS : REST_MS
    await this.#pass(ms)
    const [before, figures] = [this.#invariants.writes, this.#invariants.figures]
    await this.#pass(ms)
    // One that wants several addresses takes what it gets; what an earlier try held is free some time after.
    const writes = this.#invariants.writes - before
    if (writes > waitingForAddresses(cloud)) this.#invariants.say(`writes at rest: ${writes}`)
    if (this.#invariants.figures > figures + 3 * cloud.hosts.length)
      this.#invariants.say('figures are written all the time')
    for (const what of [...unmet(cloud, this.#plan), ...records(cloud, this.#invariants.forgotten)])
      this.#invariants.say(`at rest: ${what}`)
  }

  async #pass(ms: number): Promise<void> {
    const end = this.cloud.time.now + ms
    while (this.cloud.time.now < end && !this.#isBroken) await this.#step()
  }

  async #step(): Promise<void> {
    this.#steps += 1
    if (this.#steps > MOST_STEPS) return this.#invariants.say(`no end after ${MOST_STEPS} steps`)
    const { lanes, time } = this.cloud
    const [deadline, next] = [lanes.deadline(), time.next()]
    const mayHurry = deadline !== undefined && next !== undefined && next <= deadline && !lanes.calm
    const isTime = deadline === undefined || (mayHurry && this.random.chance(this.#plan.hurry))
    const what = isTime ? `${time.fire()}: timer` : lanes.release()
    this.#note(what ?? 'nothing')
    await flushPromises()
  }

  #log(name: string): Log {
    const say =
      (level: string) =>
      ({ err, ...fields }: { err?: unknown }, message: string): void => {
        const why = err instanceof Error ? ` ${err.message}` : ''
        this.#trace.push(
          `${(this.cloud.time.now / 1000).toFixed(3)}     ${level} ${name} ${message} ${JSON.stringify(fields)}${why}`,
        )
      }
    const [info, warn, error] = [say('info'), say('warn'), say('error')]
    const log: Log = { debug: () => undefined, info, warn, error, child: (more) => bound(log, more) }
    return log
  }

  #note(line: string): void {
    for (let i = 0; i < line.length; i++) this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), 0x01000193)
    if (this.#options.trace) this.#trace.push(`${(this.cloud.time.now / 1000).toFixed(3)} ${line}`)
  }
}

/** With further fields in each line. */
const bound = (log: Log, more: object): Log => ({
  debug: () => undefined,
  info: (fields, message) => log.info({ ...more, ...fields }, message),
  warn: (fields, message) => log.warn({ ...more, ...fields }, message),
  error: (fields, message) => log.error({ ...more, ...fields }, message),
  child: (others) => bound(log, { ...more, ...others }),
})
