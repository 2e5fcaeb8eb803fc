/**
 * The cloud of the scale benchmarks and the soak test: a control plane, the real controller, and fleets. A fleet is a
 * process with many agents on simulated hosts (fleet.ts).
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Hypervisor, hypervisor, resourceDefOf } from '../../crds/index.ts'
import { createKube, type Kube } from '../../kube/client.ts'
import { type ControlPlane, startControlPlane } from '../rig/control-plane.ts'
import { applyAccessManifests, applyManifests } from '../rig/crds.ts'
import { freePorts } from '../rig/ports.ts'
import { endProcess, isAlive, type Running, spawnMarked } from '../rig/process.ts'
import { applyShimUsers } from '../rig/shim.ts'
import { FatalError, waitUntil } from '../rig/wait-until.ts'
import { toPodCommand } from './pod-command.ts'

export interface ScaleCloudOptions {
  dir: string
  hosts: number
  /** Number of hosts per fleet; default 200. */
  perProcess?: number
  /** Default: the TypeScript sources. */
  program?: Program
  nodeFlags?: readonly string[]
  /** Whether the processes have the inspector of Node.js (see inspector.ts); default false. */
  inspect?: boolean
  log?: (line: string) => void
}

/** A bundled controller or shim runs as in a Pod, with the files of its service account. */
export interface Program {
  /** Returns the path of the main file. */
  main(name: 'agent' | 'controller' | 'api-shim'): string
  isBuilt: boolean
}

export interface CloudProcess extends Running {
  name: string
  log: string
  /** 0 if the process has no inspector. */
  inspector: number
}

const repository = join(import.meta.dirname, '../..')
export const sourceProgram: Program = { main: (name) => join(repository, name, 'main.ts'), isBuilt: false }
/**
 * The Node.js flags that our deployments set. The programs make little garbage; V8's default young generation costs 20
 * to 40 MB and saves no measurable time. --expose-gc lets the programs collect garbage themselves
 * (kube/periodic-gc.ts).
 */
export const leanFlags = ['--max-semi-space-size=2', '--v8-pool-size=1', '--expose-gc'] as const
/**
 * The environment that our deployments set. MALLOC_ARENA_MAX: one heap instead of one per thread.
 * MALLOC_TRIM_THRESHOLD_: free memory is returned at a fixed threshold; otherwise the threshold would rise over time.
 */
export const leanEnv = {
  NODE_OPTIONS: leanFlags.join(' '),
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const

/**
 * The bundled programs, which are those in the container images.
 * @param dir the folder to which hack/build.ts has written them
 */
export const builtProgram = (dir: string): Program => ({ main: (name) => join(dir, `${name}.mjs`), isBuilt: true })

export class ScaleCloud implements AsyncDisposable {
  readonly plane: ControlPlane
  readonly kube: Kube
  readonly processes = new Map<string, CloudProcess>()
  readonly #options: ScaleCloudOptions
  #metricsPort = 0

  /** Use {@link startScaleCloud} instead. */
  constructor(plane: ControlPlane, kube: Kube, options: ScaleCloudOptions) {
    this.plane = plane
    this.kube = kube
    this.#options = options
  }

  process(name: string): CloudProcess {
    const part = this.processes.get(name)
    if (!part) throw new Error(`no process ${name}`)
    return part
  }

  /** Returns the controller's metrics as text. */
  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text()
  }

  /** Resolves when the controller's caches are full. */
  async startController(...args: string[]): Promise<CloudProcess> {
    const program = this.#options.program ?? sourceProgram
    const [port = 0] = await freePorts('127.0.0.1', 1)
    this.#metricsPort = port
    const login = program.isBuilt ? [] : ['--kubeconfig', this.plane.kubeconfig]
    const flags = [...login, '--metrics-address', `127.0.0.1:${port}`, ...args]
    const pod = program.isBuilt ? this.plane.kubeconfig : undefined
    const part = await this.#spawn('controller', [program.main('controller'), ...flags], pod)
    const isReady = async (): Promise<boolean> => {
      this.assertAllAlive()
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
    }
    await waitUntil(isReady, { what: 'the controller to be ready', deadline: 400_000 })
    return part
  }

  /** Resolves when all hosts are up. Call startController() first. */
  async startFleets(): Promise<void> {
    const { hosts, perProcess = 200 } = this.#options
    const file = join(import.meta.dirname, 'fleet-main.ts')
    for (let first = 1, i = 1; first <= hosts; first += perProcess, i++) {
      const numbers = [first, Math.min(perProcess, hosts - first + 1)].map(String)
      await this.#spawn(`fleet-${i}`, [file, this.plane.kubeconfig, ...numbers])
    }
    const api = this.kube.resource(resourceDefOf(hypervisor))
    const areAllUp = async (): Promise<boolean> => {
      this.assertAllAlive()
      const { items } = await api.list()
      return items.filter((h: Hypervisor) => h.status?.state === 'up' && h.status.capacity).length === hosts
    }
    await waitUntil(areAllUp, { what: `${hosts} hosts to be up`, deadline: 300_000, every: 1000 })
  }

  /** Resolves when the shim serves. Its users `demo` (a member) and `cloud-admin` get roles in the given projects. */
  async startShim(
    projects: readonly string[],
    ...args: string[]
  ): Promise<{ url: string; users: Awaited<ReturnType<typeof applyShimUsers>> }> {
    const program = this.#options.program ?? sourceProgram
    await applyAccessManifests(this.plane.api, join(repository, 'crds/access'))
    const users = await applyShimUsers(this.plane.api, this.#options.dir, 'kubenova-system', projects)
    const kubeconfig = await this.plane.serviceAccount('kubenova-system', 'kubenova-api-shim')
    const [port, metricsPort] = await freePorts('127.0.0.1', 2)
    const login = program.isBuilt ? [] : ['--kubeconfig', kubeconfig]
    const addresses = ['--listen-address', `127.0.0.1:${port}`, '--metrics-address', `127.0.0.1:${metricsPort}`]
    const flags = [...login, ...addresses, ...args]
    await this.#spawn('api-shim', [program.main('api-shim'), ...flags], program.isBuilt ? kubeconfig : undefined)
    const isReady = async (): Promise<boolean> => {
      this.assertAllAlive()
      return (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).ok
    }
    await waitUntil(isReady, { what: 'the shim to be ready', deadline: 400_000 })
    return { url: `http://127.0.0.1:${port}`, users }
  }

  /** Throws a FatalError with the last log lines of a process that has ended. A FatalError ends waitUntil() at once. */
  assertAllAlive(): void {
    for (const part of this.processes.values()) {
      if (isAlive(part)) continue
      throw new FatalError(
        `${part.name} ended: ${readFileSync(part.log, 'utf8').trimEnd().split('\n').slice(-5).join('\n')}`,
      )
    }
  }

  async end(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await endProcess(this.process(name), signal)
    this.processes.delete(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.processes.values()) await endProcess(part, 'SIGKILL')
    await this.kube[Symbol.asyncDispose]()
    await this.plane.stop()
  }

  /**
   * @param pod the kubeconfig of the ServiceAccount as which the process runs in a Pod. If it is absent, the process
   * does not run as in a Pod.
   */
  async #spawn(name: string, argv: readonly string[], pod?: string): Promise<CloudProcess> {
    const { dir, inspect = false, nodeFlags = [] } = this.#options
    const [inspector = 0] = inspect ? await freePorts('127.0.0.1', 1) : []
    const log = join(dir, `${name}.log`)
    const inspectFlag = inspect ? [`--inspect=127.0.0.1:${inspector}`] : []
    const command = [process.execPath, ...nodeFlags, ...inspectFlag, ...argv]
    const run = pod === undefined ? { argv: command, env: {} } : toPodCommand(command, pod, join(dir, `${name}-pod`))
    const part = { ...(await spawnMarked(run.argv, { dir, log, owned: true, env: run.env })), name, log, inspector }
    this.processes.set(name, part)
    return part
  }
}

/** Starts a control plane with the CRDs and the admission policies, but no controller and no fleets yet. */
export async function startScaleCloud(options: ScaleCloudOptions): Promise<ScaleCloud> {
  const { dir, log = () => undefined } = options
  mkdirSync(dir, { recursive: true })
  const start = (): Promise<ControlPlane> => startControlPlane({ dir, owned: true, log })
  const plane = await waitUntil(start, { what: 'a control plane', deadline: 600_000, every: 1000 })
  await applyManifests(plane.api, join(repository, 'crds/manifests'))
  await applyAccessManifests(plane.api, join(repository, 'crds/admission'))
  const kube = await createKube({ kubeconfig: plane.kubeconfig, userAgent: 'kubenova-scale', connections: 64 })
  return new ScaleCloud(plane, kube, options)
}
