// A real control plane for tests: etcd, kube-apiserver and optionally kube-controller-manager, with its own ports, keys
// and tokens. With the file `control-plane.json`, another process can find it and restart the processes that have
// ended.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ApiClient, createApiClient, formatKubeconfig, readKubeconfig } from './api.ts'
import { type Binary, ensureBinaries } from './binaries.ts'
import { type Commands, commandsOf } from './control-plane/commands.ts'
import { freePorts } from './ports.ts'
import { endMarkedProcesses, endProcess, isAlive, type ProcessId, runCommand, spawnMarked } from './process.ts'
import { isTokenUsable } from './token.ts'
import { FatalError, waitUntil } from './wait-until.ts'

export type Part = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler'

/** A user who authenticates with a token. */
export interface User {
  name: string
  groups?: readonly string[]
}

export interface ControlPlaneOptions {
  dir: string
  /** The only address on which the API server listens; default 127.0.0.1. */
  address?: string
  /** Users besides `admin`, who is in the group system:masters. */
  users?: readonly User[]
  /** True: the API server writes a line for each request to `audit.log`, which `audit()` reads. */
  audit?: boolean
  /** Default false, because kube-controller-manager takes 100 MB of memory and a second to start. */
  controllerManager?: boolean
  /**
   * True: the control plane also runs kube-scheduler and all controllers, so it can run Pods. The Service `kubernetes`
   * leads Pods to the API server, so the API server must not listen on a loopback address. Default false.
   */
  pods?: boolean
  /** Kubeconfig of an existing cluster. If it is set, no process is started. */
  kubeconfig?: string
  owned?: boolean
  log?: (line: string) => void
}

/** A built-in ClusterRole gives this user the rights that kube-controller-manager needs. */
const MANAGER_USER = 'system:kube-controller-manager'
/** A built-in ClusterRole gives this user the rights that kube-scheduler needs. */
const SCHEDULER_USER = 'system:kube-scheduler'
const ADMIN: User = { name: 'admin', groups: ['system:masters'] }

/** The content of `control-plane.json`. */
export interface ControlPlaneState {
  address: string
  ports: { etcd: number; peer: number; api: number; manager: number; scheduler: number }
  tokens: { user: User; token: string }[]
  audit: boolean
  controllerManager: boolean
  pods?: boolean
  processes: Partial<Record<Part, ProcessId>>
}

/** One API request in the audit log. */
export interface AuditEvent {
  verb: string
  requestURI: string
  user: { username: string; groups: string[] }
  /** The user whom the caller impersonates. */
  impersonatedUser?: { username: string }
  userAgent?: string
  objectRef?: { resource: string; subresource?: string; namespace?: string; name?: string; apiGroup?: string }
  responseStatus?: { code: number }
}

/**
 * One year: tokens of ServiceAccounts are renewed only when the cloud starts, and must not expire while it runs. An
 * existing cluster may issue tokens that expire earlier.
 */
const TOKEN_SECONDS = 31_536_000

/** Starts only those processes that do not run yet. Resolves when the API server is ready. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const plane = new ControlPlane(options)
  try {
    await plane.start()
  } catch (error) {
    if (options.owned) await plane.stop()
    throw error
  }
  return plane
}

export class ControlPlane {
  /** Path of the admin's kubeconfig. */
  readonly kubeconfig: string
  readonly #options: ControlPlaneOptions
  readonly #dir: string
  #state: ControlPlaneState | undefined
  #binaries: Record<Binary, string> | undefined
  #admin: ApiClient | undefined
  /**
   * Number of calls of kill() so far. If it grows during a wait for the API server, the wait ends without an error,
   * because the caller of kill() restarts the process.
   */
  #kills = 0

  constructor(options: ControlPlaneOptions) {
    this.#options = options
    this.#dir = join(options.dir, 'control-plane')
    this.kubeconfig = options.kubeconfig ?? join(options.dir, 'kubeconfig')
    const file = this.#file('control-plane.json')
    if (!options.kubeconfig && existsSync(file))
      this.#state = JSON.parse(readFileSync(file, 'utf8')) as ControlPlaneState
  }

  /** URL of the API server: https://ADDRESS:PORT. */
  get server(): string {
    return readKubeconfig(this.kubeconfig).server
  }

  /** A client that authenticates as the admin. */
  get api(): ApiClient {
    this.#admin ??= createApiClient(this.kubeconfig)
    return this.#admin
  }

  /** Starts all processes that do not run. Waits until the API server is ready, or until kill() is called. */
  async start(): Promise<void> {
    const kills = this.#kills
    if (this.#options.kubeconfig) return this.#waitUntilReady(kills)
    mkdirSync(this.#dir, { recursive: true })
    this.#state ??= await this.#newState()
    if ((this.#state.pods ?? false) !== (this.#options.pods ?? false))
      throw new Error(`${this.#dir} is that of a cloud ${this.#state.pods ? 'with' : 'without'} kubelets; end it first`)
    this.#save({})
    await this.startPart('etcd')
    await this.startPart('kube-apiserver')
    await this.#writeKubeconfigs(kills)
    await this.#waitUntilReady(kills)
    if (this.#state.controllerManager) await this.startPart('kube-controller-manager')
    if (this.#state.pods) await this.startPart('kube-scheduler')
  }

  /** Does not wait until the process is ready. */
  async startPart(part: Part): Promise<void> {
    const { processes } = this.#startedState()
    const current = processes[part]
    if (current && isAlive(current)) return
    const argv = (await this.#commands())[part]()
    const { pid, startTime } = await spawnMarked(argv, {
      dir: this.#dir,
      log: this.#file(`${part}.log`),
      owned: this.#options.owned ?? false,
    })
    this.#save({ processes: { ...processes, [part]: { pid, startTime } } })
  }

  /** Ends one process with SIGKILL. */
  async kill(part: Part): Promise<void> {
    this.#kills += 1
    const id = this.#startedState().processes[part]
    if (id) await endProcess(id, 'SIGKILL')
  }

  async restart(part: Part): Promise<void> {
    await this.kill(part)
    await this.startPart(part)
    await this.#waitUntilReady(this.#kills)
  }

  kubeconfigOf(user: string): string {
    return user === 'admin' ? this.kubeconfig : this.#file(`${user.replaceAll(/[^\w.-]/g, '_')}.kubeconfig`)
  }

  /**
   * Writes a kubeconfig with a token of a ServiceAccount. Keeps the last token if it is still usable. With `node`, the
   * token is bound to that Node, and the API server adds the Node's name to the user's `extra` fields.
   */
  async serviceAccount(namespace: string, name: string, node?: { name: string; uid: string }): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`
    const { metadata } = await this.api.send<{ metadata: { uid: string } }>('GET', path)
    const file = join(this.#dir, `${namespace}.${name}${node ? `.${node.name}` : ''}.kubeconfig`)
    const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
    const lastToken = before === undefined ? undefined : readKubeconfig(file).token
    const token =
      lastToken && isTokenUsable(lastToken, metadata.uid, node?.uid) ? lastToken : await this.#token(path, node)
    const { server, ca, servername } = readKubeconfig(this.kubeconfig)
    const content = formatKubeconfig({ server, ca, servername, user: name, token })
    mkdirSync(this.#dir, { recursive: true })
    if (content !== before) writeFileSync(file, content, { mode: 0o600 })
    return file
  }

  async #token(account: string, node: { name: string; uid: string } | undefined): Promise<string> {
    const bound = node ? { boundObjectRef: { kind: 'Node', apiVersion: 'v1', ...node } } : {}
    const answer = await this.api.send<{ status: { token: string } }>('POST', `${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: TOKEN_SECONDS, ...bound },
    })
    return answer.status.token
  }

  /** Runs kubectl as the admin. */
  async kubectl(...args: string[]): Promise<string> {
    const { kubectl } = await ensureBinaries(['kubectl'], this.#options)
    return runCommand([kubectl, '--kubeconfig', this.kubeconfig, ...args])
  }

  /** All completed API requests, oldest first. Needs the option `audit`. */
  audit(): AuditEvent[] {
    const lines = readFileSync(this.#file('audit.log'), 'utf8').split('\n')
    // After the last line break comes nothing, or a line that is not complete yet.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEvent)
  }

  /** An existing cluster stays as it is. */
  async stop(): Promise<void> {
    await this.#admin?.close()
    if (this.#options.kubeconfig) return
    await endMarkedProcesses(this.#dir)
    rmSync(this.#dir, { recursive: true, force: true })
    rmSync(this.kubeconfig, { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #file(name: string): string {
    return join(this.#dir, name)
  }

  #startedState(): ControlPlaneState {
    if (!this.#state) throw new Error('this control plane was not started by the rig, or is not started yet')
    return this.#state
  }

  async #waitUntilReady(kills: number): Promise<void> {
    const isReady = async () => {
      if (this.#kills !== kills) return true
      this.#checkAlive()
      return (await this.api.text('/readyz')) === 'ok'
    }
    await waitUntil(isReady, { what: `API server of ${this.#dir}`, deadline: 180_000 })
  }

  #checkAlive(): void {
    const dead = Object.entries(this.#state?.processes ?? {}).find(([, id]) => !isAlive(id))
    if (dead) throw new FatalError(`${dead[0]} ended: see ${this.#file(`${dead[0]}.log`)}`)
  }

  async #newState(): Promise<ControlPlaneState> {
    const { address = '127.0.0.1', users = [], audit = false, pods = false } = this.#options
    const controllerManager = this.#options.controllerManager ?? pods
    const [etcd = 0, peer = 0, manager = 0, scheduler = 0] = await freePorts('127.0.0.1', 4)
    const [api = 0] = await freePorts(address, 1)
    const token = () => randomBytes(16).toString('hex')
    const tokens = usersOf({ controllerManager, pods, users }).map((user) => ({ user, token: token() }))
    const ports = { etcd, peer, api, manager, scheduler }
    return { address, ports, tokens, audit, controllerManager, pods, processes: {} }
  }

  async #commands(): Promise<Commands> {
    const state = this.#startedState()
    const names: Binary[] = ['etcd', 'kube-apiserver', 'kubectl']
    if (state.controllerManager) names.push('kube-controller-manager')
    if (state.pods) names.push('kube-scheduler')
    this.#binaries ??= { ...(await ensureBinaries(names, this.#options)) } as Record<Binary, string>
    const lines = state.tokens.map(({ user, token }, uid) =>
      [token, user.name, `rig-${uid}`, ...(user.groups ? [`"${user.groups.join(',')}"`] : [])].join(','),
    )
    writeFileSync(this.#file('tokens.csv'), `${lines.join('\n')}\n`, { mode: 0o600 })
    if (!existsSync(this.#file('sa.key'))) {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
      writeFileSync(this.#file('sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
    }
    const kubeconfigs = { manager: this.kubeconfigOf(MANAGER_USER), scheduler: this.kubeconfigOf(SCHEDULER_USER) }
    return commandsOf(this.#binaries, this.#dir, kubeconfigs, state)
  }

  /**
   * At its first start, the API server writes its own certificate and then that of the CA to certs/apiserver.crt. So
   * this method waits until the file has both.
   */
  async #writeKubeconfigs(kills: number): Promise<void> {
    const { address, ports, tokens } = this.#startedState()
    const file = this.#file('certs/apiserver.crt')
    const caCertificate = () => {
      if (this.#kills === kills) this.#checkAlive()
      const certificates = readFileSync(file, 'utf8').match(/-----BEGIN [^]+?-----END CERTIFICATE-----\n/g)
      return certificates?.[1]
    }
    const ca = await waitUntil(caCertificate, { what: file, deadline: 60_000 })
    for (const { user, token } of tokens) {
      const content = { server: `https://${address}:${ports.api}`, ca, user: user.name, token }
      writeFileSync(this.kubeconfigOf(user.name), formatKubeconfig(content), { mode: 0o600 })
    }
  }

  #save(change: Partial<ControlPlaneState>): void {
    this.#state = { ...this.#startedState(), ...change }
    writeFileSync(this.#file('control-plane.json'), JSON.stringify(this.#state, null, 1), { mode: 0o600 })
  }
}

function usersOf({
  controllerManager,
  pods,
  users,
}: Required<Pick<ControlPlaneOptions, 'controllerManager' | 'pods' | 'users'>>) {
  const components = [...(controllerManager ? [MANAGER_USER] : []), ...(pods ? [SCHEDULER_USER] : [])]
  return [ADMIN, ...components.map((name) => ({ name })), ...users]
}
