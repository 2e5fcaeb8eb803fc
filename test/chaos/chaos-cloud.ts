// A cloud (control plane, controller, one host with its agent) on which operations of users run, with or without
// faults. Tracks the state of each server between operations, and checks the cloud after each run.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { signalProcess } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { Api, type ImageName, keyOfServer } from './api.ts'
import { waitUntilConverged } from './converge.ts'
import { allowanceFor, type FaultName, type InjectedFault, runningDomainOf } from './faults.ts'
import type { GatedCloud } from './gated-cloud.ts'
import type { Point } from './gatekeeper.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { type State, type Story, type StoryName, stories } from './stories.ts'
import { findOutcomeViolations } from './story-outcome.ts'
import { findUnexpectedExits } from './unexpected-exits.ts'
import { findApiViolations, findViolations } from './violations.ts'

/** Decides, before and after each effect of agent or controller, whether to kill a process. */
export interface FaultPlan {
  /**
   * Called before and after each effect (change of the host, or API write). The agent or controller waits until the
   * promise resolves.
   */
  onPoint(server: string, point: Point): Promise<void> | undefined | void
  /**
   * `pending`: no fault has been injected. `active`: a killed process is still down. `recovered`: all killed processes
   * have been restarted.
   */
  readonly state?: 'pending' | 'active' | 'recovered'
  readonly injected?: readonly InjectedFault[]
  /** Resolves when all killed processes have been restarted. Rejects if a fault could not be injected. */
  waitForRecovery?(): Promise<void>
}

interface TrackedServer {
  state: State
  /** true: only `create` has run on the server. */
  isNew: boolean
  /** Size of the console log in bytes just before the last boot. The output of that boot begins at this offset. */
  consoleSize: number
}

const makeIdleStory = (state: State): Story => ({ from: state, to: state, qemuStarts: 0, run: async () => undefined })

export class ChaosCloud {
  readonly gated: GatedCloud
  readonly #api: Api
  readonly #servers = new Map<string, TrackedServer>()
  readonly #log: (line: string) => void
  #previousFaults: FaultName[] = []
  /**
   * Crashes of libvirtd in this run that the test did not cause. They come from a bug of libvirt (see
   * #restartEndedProcesses).
   */
  #libvirtdCrashes: InjectedFault[] = []
  /** Image of the servers that are created from now on. */
  image: ImageName = 'guest'
  /**
   * true: before an operation pauses a guest, wait until the guest has booted. A paused guest does not go on booting,
   * and only a booted guest obeys a later shutdown request.
   */
  waitsForBootBeforePause = true

  constructor(gated: GatedCloud, log: (line: string) => void) {
    this.gated = gated
    this.#log = log
    this.#api = new Api(gated.cloud.plane.api)
  }

  /** `absent` for an unknown name. A name must have no dash (see runningDomainOf). */
  serverOf(name: string): Readonly<TrackedServer> {
    return this.#servers.get(name) ?? { state: 'absent', isNew: false, consoleSize: 0 }
  }

  hasQemu(server: string): boolean {
    return runningDomainOf(this.gated.cloud, server) !== undefined
  }

  /**
   * Runs one operation on each server of `run`, all at the same time, and waits until the cloud has converged. Resolves
   * to the violations that remain.
   */
  async runStories(run: ReadonlyMap<string, StoryName>, plan: FaultPlan): Promise<string[]> {
    const { cloud, gates } = this.gated
    this.#libvirtdCrashes = []
    const before = await takeSnapshot(cloud, this.#api)
    for (const [server, name] of run) await this.#prepare(server, stories[name], before)
    gates.watch((point) => {
      const server = [...run.keys()].find((name) => keyOfServer(name) === point.server)
      return server === undefined ? undefined : plan.onPoint(server, point)
    })
    for (const [server, name] of run) this.#freezeQemu(server, stories[name])
    await Promise.all([...run].map(([server, name]) => stories[name].run(this.#api, server, this.image)))
    const violations = await waitUntilConverged(cloud, async () => {
      while (plan.state === 'active') await plan.waitForRecovery?.()
      await this.#restartEndedProcesses()
      // A snapshot of the host is slow, so it is taken only when the API objects alone show no violation.
      const apiViolations = findApiViolations(await this.#api.listObjects())
      if (apiViolations.length > 0) return apiViolations
      const after = await takeSnapshot(cloud, this.#api)
      return [...findViolations(after), ...this.#findOutcomeViolations(run, plan, { before, after })]
    })
    gates.stopWatching()
    await plan.waitForRecovery?.()
    for (const [server, name] of run) this.#trackResult(server, name)
    return [...violations, ...this.#takeUnexpectedExits(plan.injected)]
  }

  /** Throws if anything is left of the servers. */
  async clear(): Promise<void> {
    const { servers } = await this.#api.listObjects()
    for (const { metadata } of servers) await this.#api.delete(metadata.name)
    const violations = await waitUntilConverged(this.gated.cloud, async () => {
      await this.#restartEndedProcesses()
      const snapshot = await takeSnapshot(this.gated.cloud, this.#api)
      const remaining = snapshot.servers.map(({ metadata }) => `${metadata.name} still exists`)
      return [...remaining, ...findViolations(snapshot)]
    })
    violations.push(...this.#takeUnexpectedExits())
    if (violations.length > 0) throw new Error(`the cloud cannot be cleared: ${violations.join('; ')}`)
    this.#servers.clear()
  }

  /** Uses SIGSTOP. libvirtd waits for QEMU meanwhile, so the agent's step takes at least `freezesQemuMs`. */
  #freezeQemu(server: string, { freezesQemuMs }: Story): void {
    const domain = runningDomainOf(this.gated.cloud, server)
    const qemu = domain === undefined ? undefined : this.gated.cloud.host('h1').qemuOf(domain)
    if (freezesQemuMs === undefined || !qemu) return
    signalProcess(qemu, 'SIGSTOP')
    setTimeout(() => signalProcess(qemu, 'SIGCONT'), freezesQemuMs)
  }

  /**
   * Restarts processes that have exited by themselves, for example a controller that has lost its lease. Call it only
   * when no killed process is down, because the code that kills a process also restarts it.
   */
  async #restartEndedProcesses(): Promise<void> {
    const host = this.gated.cloud.host('h1')
    // libvirtd 9.0 has a bug: it may crash when a client disconnects during a call.
    if (!host.libvirtd) {
      this.#log('libvirtd crashed')
      this.#libvirtdCrashes.push({ fault: 'libvirtd', server: '', wasPaused: false, isDuringEffect: true })
      await host.startLibvirtd()
    }
    await this.gated.cloud.startController()
    await this.gated.cloud.startAgent('h1')
  }

  /**
   * Process exits that no kill explains. A kill of the previous run counts, too: a controller may notice only now that
   * the API server was down.
   */
  #takeUnexpectedExits(injected: readonly InjectedFault[] = []): string[] {
    const faults = injected.map(({ fault }) => fault)
    const exits = findUnexpectedExits(this.gated.cloud.takeUnexpectedEnds(), [...this.#previousFaults, ...faults])
    this.#previousFaults = faults
    return exits
  }

  #findOutcomeViolations(
    run: ReadonlyMap<string, StoryName>,
    { injected = [] }: FaultPlan,
    { before, after }: { before: Snapshot; after: Snapshot },
  ): string[] {
    return [...new Set([...run.keys(), ...this.#servers.keys()])].flatMap((server) => {
      const name = run.get(server)
      const story = name === undefined ? makeIdleStory(this.serverOf(server).state) : stories[name]
      const allowance = allowanceFor([...injected, ...this.#libvirtdCrashes], server, story.qemuStarts)
      return findOutcomeViolations({ story, server, before, after, allowance })
    })
  }

  async #prepare(name: string, story: Story, before: Snapshot): Promise<void> {
    const server = this.serverOf(name)
    if (story.from !== server.state) throw new Error(`${name} is ${server.state}, not ${story.from}`)
    const readLog = (): Buffer => this.#readConsoleLog(name, before)
    const hasLogin = (): boolean => readLog().subarray(server.consoleSize).toString().trimEnd().endsWith('login:')
    const isPaused = story.to === 'Paused' && this.waitsForBootBeforePause
    // A guest reacts to a shutdown request only after it has booted, and a paused guest does not go on booting. So wait
    // for the login prompt before an operation that asks the guest to shut down or pauses it.
    const isUp = story.from === 'Running' || story.from === 'Rescued'
    if (isUp && (story.asksGuest || isPaused))
      await waitUntil(hasLogin, { what: `${name} to be up`, deadline: 300_000, every: 100 })
    // The guest prints a login prompt only when it boots, so only then must hasLogin() search from another offset.
    if (story.boots) this.#servers.set(name, { ...server, consoleSize: readLog().length })
  }

  #trackResult(server: string, name: StoryName): void {
    const { to } = stories[name]
    if (to === 'absent') this.#servers.delete(server)
    else this.#servers.set(server, { ...this.serverOf(server), state: to, isNew: name === 'create' })
  }

  #readConsoleLog(name: string, { servers }: Snapshot): Buffer {
    const log = servers.find(({ metadata }) => metadata.name === name)?.status?.console?.log
    if (log === undefined) return Buffer.alloc(0)
    const path = join(this.gated.cloud.host('h1').home, log)
    return statSync(path, { throwIfNoEntry: false }) ? readFileSync(path) : Buffer.alloc(0)
  }
}
