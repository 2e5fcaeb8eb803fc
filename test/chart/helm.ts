import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBinaries } from '../rig/binaries.ts'
import { runCommand } from '../rig/process.ts'

const root = join(import.meta.dirname, '../..')
export const chartFolder = join(root, 'charts/kubenova')

/** Values by their paths, such as `{ 'controller.replicas': 3 }`. */
export type Values = Readonly<Record<string, unknown>>

export const setFlags = (values: Values): string[] =>
  Object.entries(values).flatMap(([path, value]) => ['--set-json', `${path}=${JSON.stringify(value)}`])

export class Helm {
  readonly #path: string
  readonly #env: Record<string, string>

  /** @param dir folder for Helm's caches */
  static async create(dir: string, kubeconfig?: string): Promise<Helm> {
    const { helm } = await ensureBinaries(['helm'])
    const folder = join(dir, 'helm')
    mkdirSync(folder, { recursive: true })
    return new Helm(helm, {
      HELM_CACHE_HOME: join(folder, 'cache'),
      HELM_CONFIG_HOME: join(folder, 'config'),
      HELM_DATA_HOME: join(folder, 'data'),
      KUBECONFIG: kubeconfig ?? '/dev/null',
    })
  }

  private constructor(path: string, env: Record<string, string>) {
    this.#path = path
    this.#env = env
  }

  async run(...args: string[]): Promise<string> {
    return runCommand([this.#path, ...args], { env: this.#env, timeout: 120_000 })
  }

  async template(values: Values = {}, chart = chartFolder): Promise<string> {
    const where = ['--namespace', 'kubenova-system', '--kube-version', '1.36.3']
    return this.run('template', 'kubenova', chart, ...where, ...setFlags(values))
  }
}
