// A cloud on which stories are told of servers, with faults or without; it knows how each server is when all is at rest.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../rig/until.ts'
import { Api, type ImageName, keyOfServer } from './api.ts'
import type { GatedCloud } from './cloud.ts'
import { unasked } from './ends.ts'
import { allowedBy, domainOf, type FaultName, type Made } from './faults.ts'
import type { Point } from './gatekeeper.ts'
import { unlike } from './outcome.ts'
import { rest } from './rest.ts'
import { look, type Sight } from './sight.ts'
import { type State, type Story, type StoryName, stories } from './stories.ts'
import { saidWrong, wrongs } from './wrongs.ts'

/** What is made of a server's points as they are passed, and the faults that come of it. */
export interface Plot {
  watch(server: string, point: Point): Promise<void> | undefined | void
  /** Undefined: not begun. false: the victim is not back yet. */
  readonly over?: boolean | undefined
  readonly made?: readonly Made[]
  /** Resolves when the faults that have begun are over. Rejects when one could not be made. */
  failed?(): Promise<void>
}

interface Actor {
  state: State
  /** No story but its creation was told of it. */
  fresh: boolean
  /** Size of its console log before the story that booted the guest last. */
  said: number
}

const nothing = (state: State): Story => ({ from: state, to: state, starts: 0, tell: async () => undefined })

export class Stage {
  readonly gated: GatedCloud
  readonly #api: Api
  readonly #actors = new Map<string, Actor>()
  readonly #log: (line: string) => void
  /** Faults of the stories before these. */
  #before: FaultName[] = []
  /** Of libvirtd, in the stories that are told. */
  #crashes: Made[] = []
  /** Of the servers that are created from here on. */
  image: ImageName = 'guest'
  /** A guest that hears is up before it is paused: when it goes on it can be asked at once. */
  patient = true

  constructor(gated: GatedCloud, log: (line: string) => void) {
    this.gated = gated
    this.#log = log
    this.#api = new Api(gated.cloud.plane.api)
  }

  /** Of a server, named without a dash. */
  actor(server: string): Readonly<Actor> {
    return this.#actors.get(server) ?? { state: 'absent', fresh: false, said: 0 }
  }

  /** Does the server's QEMU run? */
  hasQemu(server: string): boolean {
    return domainOf(this.gated.cloud, server) !== undefined
  }

  /** Tells stories of some servers at once, and gives what is wrong when all is at rest again. */
  async tell(told: ReadonlyMap<string, StoryName>, plot: Plot): Promise<string[]> {
    const { cloud, gates } = this.gated
    this.#crashes = []
    const before = await look(cloud, this.#api)
    for (const [server, name] of told) await this.#prepare(server, stories[name], before)
    gates.watch((point) => {
      const server = [...told.keys()].find((name) => keyOfServer(name) === point.server)
      return server === undefined ? undefined : plot.watch(server, point)
    })
    await Promise.all([...told].map(([server, name]) => stories[name].tell(this.#api, server, this.image)))
    const wrong = await rest(cloud, async () => {
      while (plot.over === false) await plot.failed?.()
      await this.#revive()
      // Looking at the host costs more than asking the API: not before that says that all is well.
      const said = saidWrong(await this.#api.objects())
      if (said.length > 0) return said
      const after = await look(cloud, this.#api)
      return [...wrongs(after), ...this.#unlike(told, plot, before, after)]
    })
    gates.rest()
    await plot.failed?.()
    for (const [server, name] of told) this.#end(server, name)
    return [...wrong, ...this.#unasked(plot.made)]
  }

  /** Takes all servers away, however they are. */
  async clear(): Promise<void> {
    const { servers } = await this.#api.objects()
    for (const { metadata } of servers) await this.#api.delete(metadata.name)
    const wrong = await rest(this.gated.cloud, async () => {
      await this.#revive()
      const now = await look(this.gated.cloud, this.#api)
      return [...now.servers.map(({ metadata }) => `${metadata.name} is there`), ...wrongs(now)]
    })
    wrong.push(...this.#unasked())
    if (wrong.length > 0) throw new Error(`the stage cannot be cleared: ${wrong.join('; ')}`)
    this.#actors.clear()
  }

  /** As their init would: a controller that has lost its lease ends by itself. Not while a fault is under way: two would be started. */
  async #revive(): Promise<void> {
    const host = this.gated.cloud.host('h1')
    // 9.0 crashes now and then when a client goes away amid its calls: a defect that is known, of another project.
    if (!host.libvirtd) {
      this.#log('libvirtd ended by itself')
      this.#crashes.push({ kind: 'libvirtd', server: '', paused: false, midst: true })
      await host.startLibvirtd()
    }
    await this.gated.cloud.startController()
    await this.gated.cloud.startAgent('h1')
  }

  /** What ended by itself, and may not. A controller may find only in the next story that the API server was away. */
  #unasked(made: readonly Made[] = []): string[] {
    const faults = made.map(({ kind }) => kind)
    const wrong = unasked(this.gated.cloud.takeEnds(), [...this.#before, ...faults])
    this.#before = faults
    return wrong
  }

  #unlike(told: ReadonlyMap<string, StoryName>, { made = [] }: Plot, before: Sight, after: Sight): string[] {
    return [...new Set([...told.keys(), ...this.#actors.keys()])].flatMap((server) => {
      const name = told.get(server)
      const story = name === undefined ? nothing(this.actor(server).state) : stories[name]
      return unlike({
        story,
        server,
        before,
        after,
        allowed: allowedBy([...made, ...this.#crashes], server, story.starts),
      })
    })
  }

  async #prepare(server: string, story: Story, before: Sight): Promise<void> {
    const actor = this.actor(server)
    if (story.from !== actor.state) throw new Error(`${server} is ${actor.state}, not ${story.from}`)
    const console = (): Buffer => this.#console(server, before)
    const login = (): boolean => console().subarray(actor.said).toString().trimEnd().endsWith('login:')
    const isPaused = story.to === 'Paused' && this.patient && this.image === 'guest'
    // A guest can be asked to power off once it offers a login; one that stands still comes no further.
    if (story.from === 'Running' && (story.asksGuest || isPaused))
      await until(login, { what: `${server} to be up`, deadline: 300_000, every: 100 })
    // One that goes on from where it was has offered its login before.
    if (story.boots) this.#actors.set(server, { ...actor, said: console().length })
  }

  #end(server: string, name: StoryName): void {
    const { to } = stories[name]
    if (to === 'absent') this.#actors.delete(server)
    else this.#actors.set(server, { ...this.actor(server), state: to, fresh: name === 'create' })
  }

  #console(name: string, { servers }: Sight): Buffer {
    const log = servers.find(({ metadata }) => metadata.name === name)?.status?.console?.log
    if (log === undefined) return Buffer.alloc(0)
    const path = join(this.gated.cloud.host('h1').home, log)
    return statSync(path, { throwIfNoEntry: false }) ? readFileSync(path) : Buffer.alloc(0)
  }
}
