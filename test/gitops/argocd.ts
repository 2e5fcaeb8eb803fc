// Starts Argo CD without Pods: its programs as processes of this machine, on the control plane of a cloud.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBinaries } from '../rig/binaries.ts'
import type { Cloud } from '../rig/cloud.ts'
import { installPackages } from '../rig/packages.ts'
import { freePorts } from '../rig/ports.ts'
import { runCommand, spawnMarked } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { configMapFile } from './customizations.ts'
import { goModuleFolder } from './go-module.ts'

export interface Application {
  metadata: { annotations?: Record<string, string> }
  status?: {
    sync?: { status: string; revision?: string }
    health?: { status: string }
    operationState?: { phase: string; message?: string; finishedAt?: string }
    history?: { revision: string }[]
    reconciledAt?: string
    resources?: { kind: string; name: string; status?: string; health?: { status: string; message?: string } }[]
  }
}

interface Ports {
  redis: number
  repoServer: number
  server: number
  metrics: readonly number[]
}

export class ArgoCd {
  readonly #cloud: Cloud
  readonly #dir: string
  readonly #argocd: string
  readonly #ports: Ports

  private constructor(cloud: Cloud, dir: string, argocd: string, ports: Ports) {
    this.#cloud = cloud
    this.#dir = dir
    this.#argocd = argocd
    this.#ports = ports
  }

  /** @param dir directory of all files. Its path also marks the processes that belong to it (process.ts). */
  static async start(cloud: Cloud, dir: string): Promise<ArgoCd> {
    for (const part of ['tmp', 'ssh', 'tls']) mkdirSync(join(dir, part), { recursive: true })
    writeFileSync(join(dir, 'ssh/ssh_known_hosts'), '')
    await installPackages(['git', 'redis-server'], (line) => console.error(line))
    const { argocd } = await ensureBinaries(['argocd'])
    const [redis = 0, repoServer = 0, server = 0, ...metrics] = await freePorts('127.0.0.1', 6)
    const started = new ArgoCd(cloud, dir, argocd, { redis, repoServer, server, metrics })
    await started.#applySettings()
    await started.#startPrograms()
    await started.#waitUntilReady()
    return started
  }

  async cli(...args: string[]): Promise<string> {
    const where = ['--server', `127.0.0.1:${this.#ports.server}`, '--plaintext']
    return runCommand([this.#argocd, ...args, ...where], { env: { HOME: this.#dir }, timeout: 60_000 })
  }

  async application(name: string): Promise<Application> {
    const path = `/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/${name}`
    return this.#cloud.plane.api.send<Application>('GET', path)
  }

  /** Makes Argo CD read the git repository now, as after a webhook, instead of within three minutes. */
  async refresh(name: string): Promise<void> {
    const annotation = 'argocd.argoproj.io/refresh=normal'
    await this.#cloud.plane.kubectl('annotate', 'application', name, '-n', 'argocd', '--overwrite', annotation)
  }

  async #applySettings(): Promise<void> {
    const source = await goModuleFolder('argocd', 'github.com/argoproj/argo-cd/v3')
    const run = (...args: string[]): Promise<string> => this.#cloud.plane.kubectl(...args)
    await run('apply', '--server-side', '-k', join(source, 'manifests/crds'))
    await waitUntil(() => this.#servesApplications(), { what: 'the kinds of Argo CD', every: 500 })
    await run('apply', '--server-side', '-f', join(import.meta.dirname, 'settings.yaml'))
    await run('apply', '--server-side', '--field-manager=kubenova', '-f', configMapFile)
  }

  async #servesApplications(): Promise<boolean> {
    const { api } = this.#cloud.plane
    return api.send('GET', '/apis/argoproj.io/v1alpha1/appprojects').then(
      () => true,
      () => false,
    )
  }

  async #startPrograms(): Promise<void> {
    const { redis, repoServer, server, metrics } = this.#ports
    const [repoMetrics, controllerMetrics, serverMetrics] = metrics
    const redisFlags = ['--redis', `127.0.0.1:${redis}`]
    const repoFlags = [...redisFlags, '--repo-server', `127.0.0.1:${repoServer}`, '--repo-server-plaintext']
    const kubeFlags = ['--kubeconfig', this.#cloud.kubeconfig, '--namespace', 'argocd']
    const local = ['--address', '127.0.0.1']
    // A process title would overwrite the environment variables by which endMarkedProcesses() finds the process.
    const redisOptions = ['--save', '', '--set-proc-title', 'no']
    await this.#spawn('redis', ['redis-server', '--bind', '127.0.0.1', '--port', `${redis}`, ...redisOptions])
    await this.#spawnArgo('repo-server', [
      ...redisFlags,
      ...local,
      '--disable-tls',
      `--port=${repoServer}`,
      `--metrics-port=${repoMetrics}`,
    ])
    await this.#spawnArgo('application-controller', [
      ...kubeFlags,
      ...repoFlags,
      `--metrics-port=${controllerMetrics}`,
      '--app-resync=10',
      // Since version 3, the health of single objects is in the Application's status only with this flag.
      '--persist-resource-health',
    ])
    await this.#spawnArgo('server', [
      ...kubeFlags,
      ...repoFlags,
      ...local,
      `--port=${server}`,
      `--metrics-port=${serverMetrics}`,
      '--insecure',
      '--disable-auth',
    ])
  }

  /** One binary contains all programs of Argo CD, and its name decides which one runs. */
  async #spawnArgo(program: string, flags: readonly string[]): Promise<void> {
    const link = join(this.#dir, `argocd-${program}`)
    symlinkSync(this.#argocd, link)
    await this.#spawn(program, [link, ...flags])
  }

  async #spawn(name: string, argv: readonly string[]): Promise<void> {
    const env = {
      KUBECONFIG: this.#cloud.kubeconfig,
      // Makes https://kubernetes.default.svc mean the cluster of this kubeconfig.
      ARGOCD_FAKE_IN_CLUSTER: 'true',
      ARGOCD_GPG_ENABLED: 'false',
      ARGOCD_SSH_DATA_PATH: join(this.#dir, 'ssh'),
      ARGOCD_TLS_DATA_PATH: join(this.#dir, 'tls'),
      TMPDIR: join(this.#dir, 'tmp'),
      HOME: this.#dir,
    }
    await spawnMarked(argv, { dir: this.#dir, log: join(this.#dir, `${name}.log`), env, cwd: this.#dir, owned: true })
  }

  async #waitUntilReady(): Promise<void> {
    const answers = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${this.#ports.server}/healthz`)).ok
    await waitUntil(answers, { what: 'argocd-server to answer', deadline: 180_000, every: 200 })
  }
}
