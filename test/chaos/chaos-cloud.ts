// A cloud (control plane, controller, and one host with its agent) on which stories run, with faults or without. A
// story is a user's operation on a server. This module tracks the state of each server between stories, and checks the
// cloud after each run.
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

/** Decides at each point that the stories reach whether to inject a fault there. */
export interface FaultPlan {
  /**
   * Called at each point, that is before and after each effect of agent or controller. The process that reached the
   * point waits until the promise resolves.
   */
  onPoint(server: string, point: Point): Promise<void> | undefined | void
  /**
   * pending: no fault has been injected. active: a killed process has not been restarted yet. recovered: all killed
   * processes have been restarted.
   */
  readonly state?: 'pending' | 'active' | 'recovered'
  readonly injected?: readonly InjectedFault[]
  /**
   * Resolves when all processes that the faults killed have been restarted. Rejects if a fault could not be injected.
   */
  waitForRecovery?(): Promise<void>
}

interface TrackedServer {
  state: State
  /** Whether `create` is the only story that has run on the server. */
  isNew: boolean
  /**
   * Size of the console log, in bytes, before the last story that booted the guest: the output of that boot begins at
   * this offset.
   */
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
   * Crashes of libvirtd in the present run that are due to a bug of libvirt and not to a fault; see
   * #restartEndedProcesses.
   */
  #libvirtdCrashes: InjectedFault[] = []
  /** Image of the servers that are created from now on. */
  image: ImageName = 'guest'
  /**
   * Whether a story that pauses a guest first waits until the guest has booted, so that a later story can ask the guest
   * to power off.
   */
  waitsForBootBeforePause = true

  constructor(gated: GatedCloud, log: (line: string) => void) {
    this.gated = gated
    this.#log = log
    this.#api = new Api(gated.cloud.plane.api)
  }

  /**
   * The tracked state of a server; `absent` for an unknown name. A name must not contain a dash (see runningDomainOf).
   */
  serverOf(name: string): Readonly<TrackedServer> {
    return this.#servers.get(name) ?? { state: 'absent', isNew: false, consoleSize: 0 }
  }

  hasQemu(server: string): boolean {
    return runningDomainOf(this.gated.cloud, server) !== undefined
  }

  /**
   * Runs one story on each server of `run`, all at the same time, and waits until the cloud has converged. Resolves to
   * the violations that persist.
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
      // A snapshot of the host takes longer than listing the API objects, so it is only taken when the API objects have
      // no violation.
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

  /**
   * Deletes all servers, whatever their state, and waits until nothing of them is left. Throws if that takes too long.
   */
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

  /**
   * Stops the QEMU of a server with SIGSTOP for the time that its story sets. libvirtd waits for QEMU meanwhile, so the
   * agent's step lasts as long.
   */
  #freezeQemu(server: string, { freezesQemuMs }: Story): void {
    const domain = runningDomainOf(this.gated.cloud, server)
    const qemu = domain === undefined ? undefined : this.gated.cloud.host('h1').qemuOf(domain)
    if (freezesQemuMs === undefined || !qemu) return
    signalProcess(qemu, 'SIGSTOP')
    setTimeout(() => signalProcess(qemu, 'SIGCONT'), freezesQemuMs)
  }

  /**
   * Restarts processes that have exited by themselves, as an init would; a controller, for example, exits when it loses
   * its lease. Not called while a fault is active, because the fault itself restarts the process that it killed.
   */
  async #restartEndedProcesses(): Promise<void> {
    const host = this.gated.cloud.host('h1')
    // libvirtd 9.0 sometimes crashes when a client disconnects during its calls; that is a known bug of libvirt.
    if (!host.libvirtd) {
      this.#log('libvirtd crashed')
      this.#libvirtdCrashes.push({ fault: 'libvirtd', server: '', wasPaused: false, isDuringEffect: true })
      await host.startLibvirtd()
    }
    await this.gated.cloud.startController()
    await this.gated.cloud.startAgent('h1')
  }

  /**
   * Returns the exits of processes that no injected fault explains. A fault of the previous run may explain an exit,
   * too: the controller may notice only in this run that the API server was away.
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
    const isPaused = story.to === 'Paused' && this.waitsForBootBeforePause && this.image === 'guest'
    // A guest reacts to a shutdown request only when it has booted up to its login, and a paused guest does not boot.
    const isUp = story.from === 'Running' || story.from === 'Rescued'
    if (isUp && (story.asksGuest || isPaused))
      await waitUntil(hasLogin, { what: `${name} to be up`, deadline: 300_000, every: 100 })
    // A resumed guest does not print its login prompt again, so the size is only updated by stories that boot the
    // guest.
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
