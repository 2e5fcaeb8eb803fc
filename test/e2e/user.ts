// The user of the end-to-end tests: acts only with kubectl, and waits for results that a real user can see.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { API_VERSION, type Condition, type Server, type ServerAction } from '../../crds/index.ts'
import { ensureBinaries } from '../rig/binaries.ts'
import { type Cloud, startCloud } from '../rig/cloud.ts'
import { type GuestReport, guestReports } from '../rig/guest.ts'
import { seedCloud } from '../rig/seed-cloud.ts'
import { withRigPart } from '../rig/vitest.ts'
import { FatalError, waitForStatus, waitUntil } from '../rig/wait-until.ts'

const exec = promisify(execFile)

export function withCloud(
  options: { hosts?: number; stock?: boolean; audit?: boolean; shim?: boolean } = {},
): () => User {
  let user: User | undefined
  const cloud = withRigPart(async (dir) => {
    const started = await startCloud({ ...options, dir, owned: true })
    await seedCloud(started)
    const { kubectl } = await ensureBinaries(['kubectl'])
    user = new User(started, kubectl)
    return started
  })
  return () => {
    cloud()
    if (!user) throw new Error('the cloud is started in beforeAll')
    return user
  }
}

type Manifest = {
  kind: string
  metadata: { name?: string; generateName?: string; [key: string]: unknown }
  spec: object
}

export class User {
  readonly cloud: Cloud
  readonly #kubectl: string

  constructor(cloud: Cloud, kubectl: string) {
    this.cloud = cloud
    this.#kubectl = kubectl
  }

  async kubectl(...args: string[]): Promise<string> {
    const env = { ...process.env, KUBECONFIG: this.cloud.kubeconfig }
    return (await exec(this.#kubectl, args, { env, maxBuffer: 64 * 1024 ** 2 })).stdout
  }

  async apply<T = Server>(manifest: Manifest): Promise<T> {
    const verb = manifest.metadata.name === undefined ? ['create'] : ['apply', '--server-side']
    const env = { ...process.env, KUBECONFIG: this.cloud.kubeconfig }
    const text = stringify({ apiVersion: API_VERSION, ...manifest })
    const runKubectl = async (): Promise<T> => {
      const child = exec(this.#kubectl, [...verb, '-o', 'json', '-f', '-'], { env })
      child.child.stdin?.end(text)
      return JSON.parse((await child).stdout) as T
    }
    const attempt = (): Promise<T | undefined> =>
      runKubectl().catch((error: unknown) => {
        // A starting API server answers with this error until its admission policies know the custom resources.
        if (String(error).includes('(ServiceUnavailable)')) return undefined
        throw new FatalError(`kubectl ${verb[0]}`, { cause: error })
      })
    return waitUntil(attempt, { what: `${manifest.kind} to be accepted`, deadline: 60_000, every: 200 }).catch(
      (error: unknown) => {
        throw error instanceof FatalError ? error.cause : error
      },
    )
  }

  createServer(name: string, spec: object = {}): Promise<Server> {
    const defaults = { flavor: 'tiny', image: { name: 'guest' }, networks: [{ name: 'default' }] }
    return this.apply({ kind: 'Server', metadata: { name }, spec: { ...defaults, ...spec } })
  }

  async patch(kind: string, name: string, patch: object): Promise<void> {
    await this.kubectl('patch', kind, name, '--type', 'merge', '-p', JSON.stringify(patch))
  }

  async get<T = Server>(kind: string, name: string): Promise<T> {
    return JSON.parse(await this.kubectl('get', kind, name, '-o', 'json')) as T
  }

  async list<T = Server>(kind: string): Promise<T[]> {
    return (JSON.parse(await this.kubectl('get', kind, '-o', 'json')) as { items: T[] }).items
  }

  waitForServer(name: string, what: string, isSo: (server: Server) => boolean, deadline = 60_000): Promise<Server> {
    return waitForStatus(() => this.get('server', name), isSo, {
      what: `server ${name}: ${what}`,
      deadline,
      every: 100,
    })
  }

  waitUntilReady(name: string, deadline = 60_000): Promise<Server> {
    const isReady = ({ metadata, status }: Server): boolean =>
      status?.observedGeneration === metadata.generation && conditionOf({ status }, 'Ready')?.status === 'True'
    return this.waitForServer(name, 'Ready', isReady, deadline)
  }

  requestAction(server: string, action: string, params?: object): Promise<ServerAction> {
    const spec = { server, action, [action]: params ?? {} }
    return this.apply<ServerAction>({ kind: 'ServerAction', metadata: { generateName: `${action}-` }, spec })
  }

  /** Also resolves if the ServerAction has failed or was rejected. */
  waitForAction({ metadata }: ServerAction): Promise<ServerAction> {
    return waitUntil(
      async () => {
        const now = await this.get<ServerAction>('serveraction', metadata.name)
        return ['Succeeded', 'Failed', 'Rejected'].includes(now.status?.phase ?? '') ? now : undefined
      },
      { what: `the end of ${metadata.name}`, deadline: 150_000, every: 100 },
    )
  }

  async runAction(server: string, action: string, params?: object): Promise<ServerAction> {
    return this.waitForAction(await this.requestAction(server, action, params))
  }

  /** Always deletes the Server afterwards, so that tests that share a cloud do not depend on each other. */
  async withServer(name: string, spec: object, body: (server: Server) => Promise<void>): Promise<void> {
    await this.createServer(name, spec)
    try {
      await body(await this.waitUntilReady(name))
    } finally {
      // If `body` has failed, its error must be reported, not an error of the deletion.
      await this.delete(name).catch(() => undefined)
    }
  }

  async delete(name: string): Promise<void> {
    await this.kubectl('delete', 'server', name, '--wait', '--timeout=60s')
  }

  consoleOf({ status }: Server): string {
    const file = join(this.cloud.host(status?.host ?? '').home, status?.console?.log ?? '')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  waitForBoot(server: Server, boots = 1, deadline = 240_000): Promise<GuestReport> {
    const findReport = (): GuestReport | undefined => guestReports(this.consoleOf(server))[boots - 1]
    return waitUntil(findReport, { what: `boot ${boots} of ${server.metadata.name}`, deadline, every: 100 })
  }

  async runningDomains(host: string): Promise<string[]> {
    return (await this.cloud.host(host).virsh('list', '--name')).split('\n').filter((line) => line !== '')
  }
}

export function conditionOf(
  object: { status?: { conditions?: Condition[] } | undefined },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((c) => c.type === type)
}
