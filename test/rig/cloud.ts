// A whole cloud on this machine: a control plane, Kubenova's CRDs, the controller, and hosts with an agent each, on one
// bridge. A start leaves running processes alone.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts'
import { applyAccessManifests, applyManifests } from './crds.ts'
import { useExistingCluster } from './existing-cluster.ts'
import { type Host, type HostOptions, startHost } from './host.ts'
import { removeHostCgroups } from './kubelet/cgroups.ts'
import { type Bridge, ensureBridge, removeNetwork } from './network.ts'
import { ensureNode, removeNodes } from './nodes.ts'
import { freePorts } from './ports.ts'
import { endMarkedProcesses, endProcess, isAlive, type ProcessId, spawnMarked } from './process.ts'
import { applyShimUsers, writeClientFiles } from './shim.ts'
import { FatalError, waitUntil } from './wait-until.ts'

export interface CloudOptions {
  /**
   * Also identifies the cloud. The path must be short: the directory contains the hosts' UNIX sockets, whose paths are
   * limited to 107 bytes.
   */
  dir: string
  /** Number of hosts, named h1, h2, … Default 1. */
  hosts?: number
  /** True: starts no controller and no agents, for tests that start their own. */
  platformOnly?: boolean
  /** True: sets libvirt up as Debian does; see HostOptions. */
  stock?: HostOptions['stock']
  audit?: boolean
  users?: ControlPlaneOptions['users']
  /** Kubeconfig of an existing cluster. If set, no control plane is started. */
  kubeconfig?: string
  owned?: boolean
  log?: (line: string) => void
  /** True: also starts the API shim, and writes clouds.yaml and openrc for its clients into `dir`. */
  shim?: boolean
  programs?: Partial<Record<ProgramName, Program>>
}

type ProgramName = 'controller' | 'agent' | 'api-shim'

export interface Program {
  /** The file to run instead of the program's main.ts. It must accept the same flags. */
  file?: string
  args?: readonly string[]
  env?: Record<string, string>
}

export interface Service extends ProcessId {
  log: string
  /** Base URL http://ADDRESS:PORT of /metrics, /healthz and /readyz. */
  url: string
}

/** A service (controller or agent) that has ended, but not by {@link Cloud.kill}. */
export interface UnexpectedEnd {
  /** Name of the service: `controller` or `agent-<host>`. */
  service: string
  /** The last lines of the service's log. */
  lastLines: string
}

const repository = join(import.meta.dirname, '../..')
const agentPort = 8081
const systemNamespace = 'kubenova-system'

export async function startCloud(options: CloudOptions): Promise<Cloud> {
  mkdirSync(options.dir, { recursive: true })
  const log = options.log ?? (() => undefined)
  try {
    const bridge = await ensureBridge(options.dir)
    log(`network: bridge ${bridge.name}, ${bridge.prefix}.0/24`)
    const { dir, audit = false, users = [], owned = false } = options
    const { kubeconfig } = options
    const rigSettings = { dir, address: bridge.address, controllerManager: true, audit, users, owned, log }
    const existing = kubeconfig === undefined ? undefined : { dir, kubeconfig, address: bridge.address, owned }
    const settings = existing ? { dir, kubeconfig: await useExistingCluster(existing) } : rigSettings
    const plane = await startControlPlane(settings)
    log(`control plane: ${plane.server}`)
    const cloud = new Cloud({ ...options, log }, bridge, plane)
    await cloud.start()
    return cloud
  } catch (error) {
    if (options.owned) await stopCloud(options.dir, log)
    throw error
  }
}

/** Also works if the start failed, or if another process has started the cloud. */
export async function stopCloud(dir: string, log: (line: string) => void = () => undefined): Promise<void> {
  await removeNodes(dir, log)
  await endMarkedProcesses(dir)
  await removeNetwork(dir)
  await removeHostCgroups(dir)
  rmSync(dir, { recursive: true, force: true })
}

export class Cloud {
  readonly plane: ControlPlane
  readonly hosts = new Map<string, Host>()
  readonly #options: CloudOptions & { log: (line: string) => void }
  readonly #bridge: Bridge
  readonly #services: Map<string, Service>
  readonly #kubeconfigs = new Map<string, string>()
  /** Services that kill() has ended, or whose unexpected end is already in `#ends`. */
  readonly #ended = new WeakSet<Service>()
  readonly #ends: UnexpectedEnd[] = []

  /** Use {@link startCloud} instead. */
  constructor(options: CloudOptions & { log: (line: string) => void }, bridge: Bridge, plane: ControlPlane) {
    this.#options = options
    this.#bridge = bridge
    this.plane = plane
    this.#services = new Map(existsSync(this.#file) ? this.#load() : [])
  }

  get dir(): string {
    return this.#options.dir
  }

  /** Path of the admin's kubeconfig. */
  get kubeconfig(): string {
    return this.plane.kubeconfig
  }

  /**
   * The kubeconfig has a token of the service's ServiceAccount. An agent's token is bound to the Node of its host.
   * @param service `controller` or `agent-<host>`
   */
  kubeconfigOf(service: string): string {
    const file = this.#kubeconfigs.get(service)
    if (file === undefined) throw new Error(`${service} has not logged in`)
    return file
  }

  async start(): Promise<void> {
    const { hosts = 1, platformOnly, log } = this.#options
    const kinds = await applyManifests(this.plane.api, join(repository, 'crds/manifests'))
    for (const folder of ['admission', 'access'])
      await applyAccessManifests(this.plane.api, join(repository, 'crds', folder))
    log(`kinds: ${kinds.join(', ')}`)
    const names = Array.from({ length: hosts }, (_, i) => `h${i + 1}`)
    for (const name of names) {
      await this.addHost(name)
      log(`host ${name}: libvirtd at ${this.host(name).socket}`)
    }
    if (platformOnly) return
    // Running services get new kubeconfigs, too: their tokens may be lost or about to expire.
    for (const name of ['controller', ...names.map((n) => `agent-${n}`)]) await this.#createKubeconfig(name)
    await this.startController()
    for (const name of names) await this.startAgent(name)
    if (this.#options.shim === true) await this.startShim()
    const shim = this.#options.shim === true ? ['api-shim'] : []
    for (const name of ['controller', ...names.map((n) => `agent-${n}`), ...shim]) {
      await this.waitUntilReady(name)
      log(`${name}: ready`)
    }
  }

  host(name: string): Host {
    const host = this.hosts.get(name)
    if (!host) throw new Error(`no host ${name}`)
    return host
  }

  /** The last number of the address is 11 for h1, 12 for h2, … */
  address(name: string): string {
    return `${this.#bridge.prefix}.${10 + Number(name.slice(1))}`
  }

  /** Starts the host without its agent, unless the host runs. */
  async addHost(name: string): Promise<Host> {
    const { dir, owned = false, stock = false } = this.#options
    const network = { bridge: this.#bridge.name, address: `${this.address(name)}/24` }
    const host = await startHost({ dir, name, network, stock, owned })
    this.hosts.set(name, host)
    return host
  }

  /** @param name `controller` or `agent-<host>` */
  service(name: string): Service {
    const service = this.#services.get(name)
    if (!service) throw new Error(`no service ${name}`)
    return service
  }

  /** Starts the controller unless it runs. `args` follow the usual flags. */
  async startController(...args: string[]): Promise<void> {
    if (this.#isRunning('controller')) return
    this.#noteEnd('controller')
    const kubeconfig = this.#kubeconfigs.get('controller') ?? (await this.#createKubeconfig('controller'))
    const { dir, owned = false } = this.#options
    const [port] = await freePorts('127.0.0.1', 1)
    const address = `127.0.0.1:${port}`
    const log = join(dir, 'controller.log')
    const { start, env } = this.#program('controller')
    const argv = [...start('--kubeconfig', kubeconfig, '--metrics-address', address), ...args]
    const started = await spawnMarked(argv, { dir, log, owned, env })
    this.#remember('controller', { ...started, log, url: `http://${address}` })
  }

  get shimUrl(): string {
    return readFileSync(join(this.#options.dir, 'shim-url'), 'utf8')
  }

  /**
   * The shim listens on the bridge, where the hosts fetch uploaded images. It keeps its port, so that clients find it
   * again after a restart.
   */
  async startShim(): Promise<void> {
    const { dir, owned = false } = this.#options
    const users = await applyShimUsers(this.plane.api, dir, systemNamespace)
    if (this.#isRunning('api-shim')) return
    this.#noteEnd('api-shim')
    const kubeconfig = await this.plane.serviceAccount(systemNamespace, 'kubenova-api-shim')
    const [[port], [metricsPort]] = await Promise.all([freePorts(this.#bridge.address, 1), freePorts('127.0.0.1', 1)])
    const file = join(dir, 'shim-url')
    if (!existsSync(file)) writeFileSync(file, `http://${this.#bridge.address}:${port}`)
    writeClientFiles(dir, this.shimUrl, users)
    const metrics = `127.0.0.1:${metricsPort}`
    const log = join(dir, 'api-shim.log')
    const { start, env } = this.#program('api-shim')
    const flags = {
      kubeconfig,
      'metrics-address': metrics,
      'listen-address': this.shimUrl.replace('http://', ''),
      'image-dir': join(dir, 'uploaded-images'),
      'image-url': this.shimUrl,
    }
    const argv = start(...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]))
    this.#remember('api-shim', {
      ...(await spawnMarked(argv, { dir, log, owned, env })),
      log,
      url: `http://${metrics}`,
    })
  }

  /** Starts the agent of a host inside that host, unless the agent runs. `args` follow the usual flags. */
  async startAgent(name: string, ...args: string[]): Promise<void> {
    if (this.#isRunning(`agent-${name}`)) return
    this.#noteEnd(`agent-${name}`)
    const address = `${this.address(name)}:${agentPort}`
    const flags = {
      // An agent must be able to start while the API server is down, so reuse the kubeconfig of its first start.
      kubeconfig: this.#kubeconfigs.get(`agent-${name}`) ?? (await this.#createKubeconfig(`agent-${name}`)),
      'host-name': name,
      'host-ip': this.address(name),
      'metrics-address': address,
    }
    const argv = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])
    const { start, env } = this.#program('agent')
    const agent = await this.host(name).spawn([...start(...argv), ...args], { name: 'agent', env })
    this.#remember(`agent-${name}`, { ...agent, url: `http://${address}` })
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const service = this.service(name)
    this.#noteEnd(name)
    this.#ended.add(service)
    await endProcess(service, signal)
  }

  /**
   * Returns the ends that were noticed since the last call. The cloud notices an end only when it starts the service
   * again or is about to kill it.
   */
  takeUnexpectedEnds(): UnexpectedEnd[] {
    return this.#ends.splice(0)
  }

  /** Waits until the service's /readyz answers 2xx. Rejects at once if the service has ended. */
  async waitUntilReady(name: string, deadline = 180_000): Promise<void> {
    const { url, log } = this.service(name)
    const isReady = async () => {
      if (!this.#isRunning(name)) throw new FatalError(`${name} ended: see ${log}\n${lastLinesOf(log)}`)
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })
      if (!answer.ok) throw new Error(`${url}/readyz: ${answer.status} ${await answer.text()}`)
      return true
    }
    await waitUntil(isReady, { what: `${name} to be ready`, deadline, every: 50 })
  }

  async stop(): Promise<void> {
    await this.plane.api.close()
    await stopCloud(this.#options.dir, this.#options.log)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Uses the Node.js binary of this process, because the one on the PATH may be too old to run TypeScript. */
  #program(name: ProgramName): { start: (...flags: string[]) => string[]; env: Record<string, string> } {
    const { file = join(repository, name, 'main.ts'), args = [], env = {} } = this.#options.programs?.[name] ?? {}
    return { start: (...flags) => [process.execPath, file, ...flags, ...args], env }
  }

  async #createKubeconfig(service: string): Promise<string> {
    const host = /^agent-(.+)/.exec(service)?.[1]
    const node = host === undefined ? undefined : await ensureNode(this.plane.api, host)
    const file = await this.plane.serviceAccount(systemNamespace, node ? 'kubenova-agent' : 'kubenova-controller', node)
    this.#kubeconfigs.set(service, file)
    return file
  }

  get #file(): string {
    return join(this.#options.dir, 'services.json')
  }

  #load(): [string, Service][] {
    return JSON.parse(readFileSync(this.#file, 'utf8')) as [string, Service][]
  }

  #isRunning(name: string): boolean {
    const service = this.#services.get(name)
    return service !== undefined && isAlive(service)
  }

  #noteEnd(name: string): void {
    const service = this.#services.get(name)
    if (!service || isAlive(service) || this.#ended.has(service)) return
    this.#ended.add(service)
    this.#ends.push({ service: name, lastLines: lastLinesOf(service.log) })
  }

  #remember(name: string, { pid, startTime, log, url }: Service): void {
    this.#services.set(name, { pid, startTime, log, url })
    writeFileSync(this.#file, JSON.stringify([...this.#services]))
  }
}

function lastLinesOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-10).join('\n') : ''
}
