/** The plan's seed also determines the order of messages and timers, so a plan always gives the same run. */
import { noLog } from '../../kube/log.ts'
import { flushPromises } from '../../kube/testing/fake-clock.ts'
import { Cloud } from './cloud.ts'
import { findRecordViolations } from './goals/records.ts'
import {
  countWaitingForAddresses,
  findLastingFaults,
  findStillInError,
  findUnmetGoals,
  listServersInError,
} from './goals.ts'
import { Invariants } from './invariants.ts'
import type { Mutation } from './mutations.ts'
import { OperationRunner } from './operation-runner.ts'
import type { Plan, PlannedOperation } from './plan.ts'
import { Random } from './random.ts'
import { hashState } from './state-hash.ts'
import { Trace } from './trace.ts'

export interface RunOptions {
  trace?: boolean
  mutation?: Mutation | undefined
  /** Collects, over several runs, the states that the cloud reached and the calls that faults hit. */
  coverage?: Coverage
}

export interface Coverage {
  states: Set<number>
  failurePoints: Set<string>
}

export interface RunResult {
  violations: string[]
  steps: number
  /** Simulated duration of the run in milliseconds. */
  ms: number
  writes: number
  servers: unknown[]
  /** Hash of the trace, to compare two runs. */
  hash: number
  trace: string[]
}

/**
 * Simulated time after the end of the faults within which all goals must be met. It is longer than the longest backoff
 * (5 minutes) and the grace period of orphans.
 */
const RECOVERY_MS = 15 * 60_000
/**
 * When all goals are met, the simulation runs for two such periods. In the first, delayed writes may still arrive; in
 * the second, nothing may be written. Every twentieth run uses LONG_QUIET_MS instead, to cover work that is done once a
 * minute.
 */
const QUIET_MS = 11_000
const LONG_QUIET_MS = 130_000
const MAX_STEPS = 60_000
const MAX_STARTUP_WRITES = 120
/** Twice the highest number that was observed for a request or fault. */
const MAX_WRITES_PER_OPERATION = 20

export async function runSimulation(plan: Plan, options: RunOptions = {}): Promise<RunResult> {
  const run = new Run(plan, options)
  const originalRandom = Math.random
  // Controller and agent call Math.random, whose numbers must depend on the seed, too.
  Math.random = run.random.next
  process.on('unhandledRejection', run.onUnhandledRejection)
  try {
    await run.run()
  } finally {
    Math.random = originalRandom
    run.cloud.end()
    for (const point of run.cloud.faults.points) options.coverage?.failurePoints.add(point)
    await flushPromises()
    process.off('unhandledRejection', run.onUnhandledRejection)
  }
  return run.result()
}

class Run {
  readonly random: Random
  readonly cloud: Cloud
  readonly #plan: Plan
  readonly #invariants: Invariants
  readonly #operations: OperationRunner
  readonly #trace: Trace
  #steps = 0

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan
    this.random = new Random(plan.seed * 2 + 1)
    this.#trace = new Trace(() => this.cloud.time.now, options.trace === true)
    this.#invariants = new Invariants(
      () => this.cloud,
      MAX_STARTUP_WRITES + MAX_WRITES_PER_OPERATION * plan.operations.length,
    )
    this.cloud = this.#createCloud(plan, options)
    this.#operations = new OperationRunner(this.cloud, plan)
  }

  #createCloud({ hosts, controllers }: Plan, { trace, mutation, coverage }: RunOptions): Cloud {
    const weights = new Map<string, number>()
    return new Cloud({
      random: this.random,
      hosts,
      controllers,
      mutation,
      weightOf: (queueName) => {
        const weight = weights.get(queueName) ?? this.random.pick([1, 1, 1, 1, 0.3, 0.05])
        weights.set(queueName, weight)
        return weight
      },
      onWrite: (write) => {
        this.#trace.add(`  ${write.manager} ${write.after ? 'wrote' : 'removed'} ${write.plural}`)
        this.#invariants.onWrite(write)
        if (coverage && write.plural === 'servers') coverage.states.add(hashState(this.cloud))
      },
      onHostChange: (host) => this.#invariants.onHostChange(host),
      logOf: (name) => (trace ? this.#trace.createLog(name) : noLog),
      onCrash: (name, error) => this.#invariants.addViolation(`${name} ended: ${String(error)}`),
    })
  }

  readonly onUnhandledRejection = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#invariants.addViolation(`unhandled: ${text}`)
  }

  get #hasViolation(): boolean {
    return this.#invariants.violations.length > 0
  }

  async run(): Promise<void> {
    await this.#operations.seedObjects()
    for (const slot of this.cloud.slots) this.cloud.start(slot)
    for (const planned of this.#plan.operations) await this.#runOperation(planned)
    await this.#checkRecovery()
  }

  result(): RunResult {
    const { violations, writes } = this.#invariants
    return {
      violations,
      steps: this.#steps,
      ms: this.cloud.time.now,
      writes,
      servers: this.cloud.api.list('servers'),
      hash: this.#trace.hash,
      trace: this.#trace.lines,
    }
  }

  async #runOperation({ steps = 0, ms = 0, operation }: PlannedOperation): Promise<void> {
    const [lastStep, lastMs] = [this.#steps + steps, this.cloud.time.now + ms]
    while (!this.#hasViolation && (this.#steps < lastStep || this.cloud.time.now < lastMs)) await this.#step()
    if (this.#hasViolation) return
    this.#trace.add(`== ${JSON.stringify(operation)}`)
    await this.#operations.run(operation)
  }

  async #checkRecovery(): Promise<void> {
    const { cloud } = this
    this.#trace.add('== the faults end')
    await this.#operations.endFaults()
    cloud.schedule.isInOrder = true
    await this.#checkConvergence(() => [...findLastingFaults(cloud), ...findUnmetGoals(cloud, this.#plan)])
    if (this.#hasViolation || listServersInError(cloud).length === 0) return
    this.#trace.add('== a start of each server in error is requested')
    for (const { metadata } of listServersInError(cloud))
      await this.#operations.run({ do: 'request action', name: metadata.name, action: 'start' })
    await this.#checkConvergence(() => [...findUnmetGoals(cloud, this.#plan), ...findStillInError(cloud)])
  }

  async #checkConvergence(findUnmet: () => string[]): Promise<void> {
    const { cloud } = this
    const end = cloud.time.now + RECOVERY_MS
    let unmet = ['not checked yet']
    while (unmet.length > 0 && cloud.time.now < end && !this.#hasViolation) {
      await this.#advance(1000)
      unmet = findUnmet()
    }
    for (const goal of unmet) this.#invariants.addViolation(`never converged: ${goal}`)
    if (!this.#hasViolation) await this.#checkQuiet()
  }

  async #checkQuiet(): Promise<void> {
    const { cloud } = this
    const ms = this.#plan.seed % 20 === 0 ? LONG_QUIET_MS : QUIET_MS
    await this.#advance(ms)
    const { writes: writesBefore, hypervisorWrites: hypervisorWritesBefore } = this.#invariants
    await this.#advance(ms)
    const writes = this.#invariants.writes - writesBefore
    // An earlier attempt to allocate addresses may still have an address reserved for a waiting server. When that
    // address becomes free, the server may get it, which is one write. So one write per waiting server is allowed.
    if (writes > countWaitingForAddresses(cloud)) this.#invariants.addViolation(`${writes} writes after convergence`)
    if (this.#invariants.hypervisorWrites > hypervisorWritesBefore + 3 * cloud.hosts.length)
      this.#invariants.addViolation('Hypervisors are written all the time')
    const unmet = [
      ...findUnmetGoals(cloud, this.#plan),
      ...findRecordViolations(cloud, this.#invariants.recordsDeletedByUsers),
    ]
    for (const goal of unmet) this.#invariants.addViolation(`after convergence: ${goal}`)
  }

  async #advance(ms: number): Promise<void> {
    const end = this.cloud.time.now + ms
    while (this.cloud.time.now < end && !this.#hasViolation) await this.#step()
  }

  /** Delivers one message or fires one timer. */
  async #step(): Promise<void> {
    this.#steps += 1
    if (this.#steps > MAX_STEPS) return this.#invariants.addViolation(`no end after ${MAX_STEPS} steps`)
    const { schedule, time } = this.cloud
    const [deadline, due] = [schedule.nextDeadline(), time.nextDue()]
    const mayFireEarly = deadline !== undefined && due !== undefined && due <= deadline && !schedule.isInOrder
    const fires =
      deadline === undefined || (mayFireEarly && this.random.isTrueWithProbability(this.#plan.earlyTimerChance))
    const label = fires ? `${time.fireNext()}: timer` : schedule.deliverNext()
    this.#trace.add(label ?? 'nothing')
    await flushPromises()
  }
}
