/**
 * A simulated cloud in memory: a fake API server, simulated hosts, and the real controllers and agents as simulated
 * processes. Hosts outlive their agents.
 */
import type { Kube } from '../../kube/client.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Log } from '../../kube/log.ts'
import { FakeApi, type Write } from '../fakes/api.ts'
import { runAgent } from './agent.ts'
import { runController } from './controller.ts'
import { FaultInjection } from './fault-injection.ts'
import { SimulatedHost } from './host.ts'
import { createSimulatedKube, type WatchStreams } from './kube.ts'
import type { Mutation } from './mutations.ts'
import { Process, type SimulationContext } from './process.ts'
import type { Random } from './random.ts'
import { Schedule } from './schedule.ts'
import { Time, type TimerOwner } from './time.ts'

export interface CloudOptions {
  random: Random
  /** How often a queue's messages are delivered, compared with other queues. */
  weightOf(queueName: string): number
  hosts: readonly { name: string; vcpus: number; ram: number; disk: number }[]
  controllers: number
  onWrite(write: Write): void
  onHostChange(host: SimulatedHost): void
  /**
   * Called when a process ends with an unexpected error. An ApiError is not unexpected, because an injected fault may
   * cause it.
   */
  onCrash(process: string, error: unknown): void
  logOf(process: string): Log
  mutation?: Mutation | undefined
}

/** The place of one controller or agent. When its process ends, the cloud starts a new one there. */
export interface ProcessSlot {
  name: string
  process: Process | undefined
  isHostOff: boolean
}

/** Owns timers that belong to no process, such as the timer that restarts a killed process. */
export const SIMULATION: TimerOwner = { name: 'simulation', isDead: false, isFrozen: false }

export class Cloud {
  readonly time = new Time()
  readonly schedule: Schedule
  readonly api: FakeApi
  readonly faults = new FaultInjection()
  readonly streams: WatchStreams = new Set()
  readonly hosts: SimulatedHost[]
  readonly slots: ProcessSlot[]
  /** After the end of the run, the cloud starts no process any more. */
  hasEnded = false
  readonly #options: CloudOptions
  readonly #context: SimulationContext
  #processCount = 0

  constructor(options: CloudOptions) {
    const { random, weightOf, hosts, onWrite, onHostChange } = options
    this.#options = options
    this.schedule = new Schedule(this.time, random)
    this.api = new FakeApi(() => this.time.wall(), onWrite)
    this.#context = { time: this.time, schedule: this.schedule, random, weightOf }
    this.hosts = hosts.map(({ name, ...capacity }) => {
      const host: SimulatedHost = new SimulatedHost(name, capacity, () => onHostChange(host))
      return host
    })
    const names = [
      ...Array.from({ length: options.controllers }, (_, i) => `c${i + 1}`),
      ...hosts.map(({ name }) => name),
    ]
    this.slots = names.map((name) => ({ name, process: undefined, isHostOff: false }))
  }

  readonly host = (name: string): SimulatedHost | undefined => this.hosts.find((host) => host.name === name)

  slot(name: string): ProcessSlot | undefined {
    return this.slots.find((slot) => slot.name === name)
  }

  start(slot: ProcessSlot): void {
    if (slot.process || slot.isHostOff || this.hasEnded) return
    this.#processCount += 1
    const process = new Process(slot.name, this.#processCount, this.#context)
    slot.process = process
    this.#runProgram(process).then(
      () => this.#onProcessEnd(slot, process),
      (error: unknown) => {
        // A failed call to the API server may end a process with an ApiError. The cloud restarts it, as kubelet would.
        const wasStopped = error === process.stop.signal.reason
        if (!wasStopped && !(error instanceof ApiError)) this.#options.onCrash(slot.name, error)
        this.#onProcessEnd(slot, process)
      },
    )
  }

  kill(slot: ProcessSlot, restartMs: number): void {
    const { process } = slot
    if (!process) return
    for (const { label } of process.messagesUnderWay()) this.faults.recordPoint('kill', label)
    process.kill()
    slot.process = undefined
    this.time.setTimer(SIMULATION, restartMs, () => this.start(slot))
  }

  /** Does what SIGTERM does in the real program. */
  stop({ process }: ProcessSlot): void {
    process?.stop.abort(new Error('told to stop'))
  }

  end(): void {
    this.hasEnded = true
    for (const { process } of this.slots) process?.kill()
  }

  #runProgram(process: Process): Promise<void> {
    const host = this.host(process.name)
    const manager = host ? 'kubenova-agent' : 'kubenova-controller'
    const { mutation } = this.#options
    const original = createSimulatedKube(this.api, process, {
      failureOf: this.faults.failureOfApiCall,
      streams: this.streams,
      manager,
    })
    const kube: Kube = mutation?.kube?.(original, process) ?? original
    const log = this.#options.logOf(process.name)
    if (!host) return runController(kube, process.identity, log, process.stop.signal)
    return runAgent(kube, process, { host, failureOf: this.faults.failureOfHostCall, log, mutateHost: mutation?.host })
  }

  #onProcessEnd(slot: ProcessSlot, process: Process): void {
    if (slot.process !== process) return
    process.kill()
    slot.process = undefined
    this.time.setTimer(SIMULATION, 1000, () => this.start(slot))
  }
}
