/** A control plane, the real controller in a process of its own, and fleets of simulated hosts: what benches of scale and the soak run on. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Hypervisor, hypervisor, resourceDefOf } from '../../crds/index.ts'
import { createKube, type Kube } from '../../kube/client.ts'
import { type ControlPlane, startControlPlane } from '../rig/control-plane.ts'
import { applyManifests, applyPolicies } from '../rig/crds.ts'
import { freePorts } from '../rig/ports.ts'
import { endProcess, isAlive, type Running, spawnMarked } from '../rig/process.ts'
import { FatalError, waitUntil } from '../rig/wait-until.ts'
import { inPod } from './pod.ts'

export interface StageOptions {
  dir: string
  hosts: number
  /** Hosts in one process. */
  perProcess?: number
  /** What is run: our sources if absent. */
  program?: Program
  /** Flags for Node of each of our processes, such as --expose-gc. */
  nodeFlags?: readonly string[]
  /** Lets the processes be looked into (inspector.ts). */
  inspect?: boolean
  log?: (line: string) => void
}

/** Our programs, as sources or as images run them: then with the account of a pod, and with {@link leanFlags}. */
export interface Program {
  /** Path of the main file. */
  main(name: 'agent' | 'controller'): string
  isBuilt: boolean
}

export interface Part extends Running {
  name: string
  log: string
  /** Port of its inspector; 0: none. */
  inspector: number
}

const repository = join(import.meta.dirname, '../..')
export const source: Program = { main: (name) => join(repository, name, 'main.ts'), isBuilt: false }
/**
 * Flags of Node that a deployment gives: a young generation that suits a process whose garbage is small. V8's own choice (16 MB twice or more) costs 20 to
 * 40 MB and saves no time that could be measured. And they may collect what garbage they have gathered (kube/periodic-gc.ts).
 */
export const leanFlags = ['--max-semi-space-size=2', '--v8-pool-size=1', '--expose-gc'] as const
/**
 * And the C library keeps one heap for all threads, not one each, and gives back what is free at its end: its own threshold for that, once said, no
 * longer grows by itself.
 */
export const leanEnv = {
  NODE_OPTIONS: leanFlags.join(' '),
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const

/** What images run: `dir` is what hack/build.ts made. */
export const built = (dir: string): Program => ({ main: (name) => join(dir, `${name}.mjs`), isBuilt: true })

export class Stage implements AsyncDisposable {
  readonly plane: ControlPlane
  readonly kube: Kube
  readonly parts = new Map<string, Part>()
  readonly #options: StageOptions
  #metricsPort = 0

  /** Use {@link startStage}. */
  constructor(plane: ControlPlane, kube: Kube, options: StageOptions) {
    this.plane = plane
    this.kube = kube
    this.#options = options
  }

  part(name: string): Part {
    const part = this.parts.get(name)
    if (!part) throw new Error(`no process ${name}`)
    return part
  }

  /** What the controller shows at /metrics. */
  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text()
  }

  /** Starts the controller and waits until its caches are full. */
  async startController(...args: string[]): Promise<Part> {
    const program = this.#options.program ?? source
    const [port = 0] = await freePorts('127.0.0.1', 1)
    this.#metricsPort = port
    const login = program.isBuilt ? [] : ['--kubeconfig', this.plane.kubeconfig]
    const flags = [...login, '--metrics-address', `127.0.0.1:${port}`, ...args]
    const part = await this.#spawn('controller', [program.main('controller'), ...flags], program.isBuilt)
    const ready = async (): Promise<boolean> => {
      this.mustLive()
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
    }
    await waitUntil(ready, { what: 'the controller to be ready', deadline: 400_000 })
    return part
  }

  /** Starts the fleets and waits until all their hosts are up. The controller must run. */
  async startFleets(): Promise<void> {
    const { hosts, perProcess = 200 } = this.#options
    const file = join(import.meta.dirname, 'fleet-main.ts')
    for (let first = 1, i = 1; first <= hosts; first += perProcess, i++) {
      const numbers = [first, Math.min(perProcess, hosts - first + 1)].map(String)
      await this.#spawn(`fleet-${i}`, [file, this.plane.kubeconfig, ...numbers])
    }
    const api = this.kube.resource(resourceDefOf(hypervisor))
    const up = async (): Promise<boolean> => {
      this.mustLive()
      const { items } = await api.list()
      return items.filter((h: Hypervisor) => h.status?.state === 'up' && h.status.capacity).length === hosts
    }
    await waitUntil(up, { what: `${hosts} hosts to be up`, deadline: 300_000, every: 1000 })
  }

  /** @throws with its name, if one of our processes has ended */
  mustLive(): void {
    for (const part of this.parts.values()) {
      if (isAlive(part)) continue
      throw new FatalError(
        `${part.name} ended: ${readFileSync(part.log, 'utf8').trimEnd().split('\n').slice(-5).join('\n')}`,
      )
    }
  }

  async end(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await endProcess(this.part(name), signal)
    this.parts.delete(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.parts.values()) await endProcess(part, 'SIGKILL')
    await this.kube[Symbol.asyncDispose]()
    await this.plane.stop()
  }

  async #spawn(name: string, argv: readonly string[], pod = false): Promise<Part> {
    const { dir, inspect = false, nodeFlags = [] } = this.#options
    const [inspector = 0] = inspect ? await freePorts('127.0.0.1', 1) : []
    const log = join(dir, `${name}.log`)
    const eye = inspect ? [`--inspect=127.0.0.1:${inspector}`] : []
    const command = [process.execPath, ...nodeFlags, ...eye, ...argv]
    const run = pod ? inPod(command, this.plane.kubeconfig, dir) : { argv: command, env: {} }
    const part = { ...(await spawnMarked(run.argv, { dir, log, owned: true, env: run.env })), name, log, inspector }
    this.parts.set(name, part)
    return part
  }
}

/** The control plane with our kinds; nothing of ours runs yet. */
export async function startStage(options: StageOptions): Promise<Stage> {
  const { dir, log = () => undefined } = options
  mkdirSync(dir, { recursive: true })
  const start = (): Promise<ControlPlane> => startControlPlane({ dir, owned: true, log })
  const plane = await waitUntil(start, { what: 'a control plane', deadline: 600_000, every: 1000 })
  await applyManifests(plane.api, join(repository, 'crds/manifests'))
  await applyPolicies(plane.api, join(repository, 'crds/admission'))
  const kube = await createKube({ kubeconfig: plane.kubeconfig, userAgent: 'kubenova-scale', connections: 64 })
  return new Stage(plane, kube, options)
}
