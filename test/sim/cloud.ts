/** A cloud of memory: one API server, controllers and agents as processes that come and go, hosts that stay. */
import type { Kube } from '../../kube/client.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Log } from '../../kube/log.ts'
import { FakeApi, type Write } from '../fakes/api.ts'
import { agentMain } from './agent.ts'
import { controllerMain } from './controller.ts'
import { SimulatedHost } from './host.ts'
import { type Streams, simulatedKube } from './kube.ts'
import { Lanes } from './lanes.ts'
import { type Ground, Process } from './process.ts'
import type { Random } from './random.ts'
import type { Sabotage } from './sabotage.ts'
import { type Owner, Time } from './time.ts'
import { Weather } from './weather.ts'

export interface CloudOptions {
  random: Random
  /** How often a lane of this name gets its turn. */
  weigh(lane: string): number
  hosts: readonly { name: string; vcpus: number; ram: number; disk: number }[]
  controllers: number
  onWrite(write: Write): void
  /** Something changed on this host. */
  onHost(host: SimulatedHost): void
  /** A process ended in an error that no fault explains. */
  onCrash(process: string, error: unknown): void
  /** Of a process; none: nobody reads it. */
  log(process: string): Log
  sabotage?: Sabotage | undefined
}

/** A place where a process runs: when it ends there, another is started. */
export interface Slot {
  name: string
  process: Process | undefined
  /** Never started again by itself while true: its host is off. */
  isHeld: boolean
}

/** What the world does by itself. */
export const nature: Owner = { name: 'world', isDead: false, isFrozen: false }

export class Cloud {
  readonly time = new Time()
  readonly lanes: Lanes
  readonly api: FakeApi
  readonly weather = new Weather()
  readonly streams: Streams = new Set()
  readonly hosts: SimulatedHost[]
  readonly slots: Slot[]
  /** The world is over: nothing is started any more. */
  isOver = false
  readonly #options: CloudOptions
  readonly #ground: Ground
  #lives = 0

  constructor(options: CloudOptions) {
    const { random, weigh, hosts, onWrite, onHost } = options
    this.#options = options
    this.lanes = new Lanes(this.time, random)
    this.api = new FakeApi(() => this.time.wall(), onWrite)
    this.#ground = { time: this.time, lanes: this.lanes, random, weigh }
    this.hosts = hosts.map(({ name, ...capacity }) => {
      const host: SimulatedHost = new SimulatedHost(name, capacity, () => onHost(host))
      return host
    })
    const names = [
      ...Array.from({ length: options.controllers }, (_, i) => `c${i + 1}`),
      ...hosts.map(({ name }) => name),
    ]
    this.slots = names.map((name) => ({ name, process: undefined, isHeld: false }))
  }

  readonly host = (name: string): SimulatedHost | undefined => this.hosts.find((host) => host.name === name)

  slot(name: string): Slot | undefined {
    return this.slots.find((slot) => slot.name === name)
  }

  start(slot: Slot): void {
    if (slot.process || slot.isHeld || this.isOver) return
    this.#lives += 1
    const process = new Process(slot.name, this.#lives, this.#ground)
    slot.process = process
    this.#main(process).then(
      () => this.#ended(slot, process),
      (error: unknown) => {
        // What the API server answers may end a process as it starts: kubelet then starts it again.
        const isTold = error === process.stop.signal.reason
        if (!isTold && !(error instanceof ApiError)) this.#options.onCrash(slot.name, error)
        this.#ended(slot, process)
      },
    )
  }

  kill(slot: Slot, restartMs: number): void {
    const { process } = slot
    if (!process) return
    for (const { label } of process.underWay()) this.weather.note('kill', label)
    process.kill()
    slot.process = undefined
    this.time.timer(nature, restartMs, () => this.start(slot))
  }

  /** SIGTERM. */
  stop({ process }: Slot): void {
    process?.stop.abort(new Error('told to stop'))
  }

  end(): void {
    this.isOver = true
    for (const { process } of this.slots) process?.kill()
  }

  #main(process: Process): Promise<void> {
    const host = this.host(process.name)
    const manager = host ? 'kubenova-agent' : 'kubenova-controller'
    const { sabotage } = this.#options
    const plain: Kube = simulatedKube(this.api, process, this.weather.api, this.streams, manager)
    const kube = sabotage?.kube?.(plain, process) ?? plain
    const log = this.#options.log(process.name)
    return host
      ? agentMain(kube, process, host, this.weather.host, log, sabotage?.host)
      : controllerMain(kube, process.identity, log, process.stop.signal)
  }

  #ended(slot: Slot, process: Process): void {
    if (slot.process !== process) return
    process.kill()
    slot.process = undefined
    this.time.timer(nature, 1000, () => this.start(slot))
  }
}
