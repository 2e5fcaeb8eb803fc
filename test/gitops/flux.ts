// Starts Flux without Pods: its controllers as processes of this machine, on the control plane of a cloud.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Condition } from '../../crds/index.ts'
import { ensureBinaries } from '../rig/binaries.ts'
import type { Cloud } from '../rig/cloud.ts'
import { freePorts } from '../rig/ports.ts'
import { spawnMarked } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { goModuleFolder } from './go-module.ts'

const controllers = ['source-controller', 'kustomize-controller'] as const
const NAMESPACE = 'flux-system'

export interface Kustomization {
  metadata: { generation?: number }
  status?: {
    observedGeneration?: number
    conditions?: Condition[]
    lastAppliedRevision?: string
    lastAttemptedRevision?: string
    lastHandledReconcileAt?: string
    inventory?: { entries: { id: string }[] }
  }
}

export class Flux {
  readonly #cloud: Cloud

  private constructor(cloud: Cloud) {
    this.#cloud = cloud
  }

  /** @param dir directory of all files. Its path also marks the processes that belong to it (process.ts). */
  static async start(cloud: Cloud, dir: string): Promise<Flux> {
    mkdirSync(join(dir, 'artifacts'), { recursive: true })
    const flux = new Flux(cloud)
    await flux.#createKinds()
    await flux.#startControllers(dir)
    return flux
  }

  async kustomization(name: string): Promise<Kustomization> {
    return this.#cloud.plane.api.send('GET', pathOf('kustomize', 'kustomizations', name))
  }

  /** Makes Flux read the git repository and apply it now, as after a webhook. Resolves to the time of the request. */
  async reconcile(name: string): Promise<string> {
    const requestedAt = new Date().toISOString()
    const patch = { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': requestedAt } } }
    for (const path of [pathOf('source', 'gitrepositories', name), pathOf('kustomize', 'kustomizations', name)])
      await this.#cloud.plane.api.send('PATCH', path, patch, 'application/merge-patch+json')
    return requestedAt
  }

  async #createKinds(): Promise<void> {
    const { plane } = this.#cloud
    for (const name of controllers) {
      const source = await goModuleFolder('flux', `github.com/fluxcd/${name}`)
      await plane.kubectl('apply', '--server-side', '-f', join(source, 'config/crd/bases'))
    }
    await plane.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s')
    await plane.kubectl('create', 'namespace', NAMESPACE)
  }

  async #startControllers(dir: string): Promise<void> {
    const binaries = await ensureBinaries(controllers)
    const [storage, ...health] = await freePorts('127.0.0.1', 1 + controllers.length)
    const address = `127.0.0.1:${storage}`
    const ofStorage = [
      `--storage-path=${join(dir, 'artifacts')}`,
      `--storage-addr=${address}`,
      `--storage-adv-addr=${address}`,
    ]
    for (const [i, name] of controllers.entries()) {
      const own = name === 'source-controller' ? ofStorage : []
      const flags = ['--metrics-addr=127.0.0.1:0', `--health-addr=127.0.0.1:${health[i]}`, ...own]
      const env = { KUBECONFIG: this.#cloud.kubeconfig, RUNTIME_NAMESPACE: NAMESPACE, HOME: dir, TMPDIR: dir }
      await spawnMarked([binaries[name], ...flags], { dir, log: join(dir, `${name}.log`), env, cwd: dir, owned: true })
      const isReady = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${health[i]}/readyz`)).ok
      await waitUntil(isReady, { what: `${name} to be ready`, deadline: 120_000, every: 200 })
    }
  }
}

const pathOf = (group: string, resource: string, name: string): string =>
  `/apis/${group}.toolkit.fluxcd.io/v1/namespaces/${NAMESPACE}/${resource}/${name}`
