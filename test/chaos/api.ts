// kubectl is not used, because starting a process for each request would take too long.
import { randomUUID } from 'node:crypto'
import { API_VERSION, type Hypervisor, type Port, type Server, type ServerAction } from '../../crds/index.ts'
import type { ApiClient } from '../rig/api.ts'
import { FatalError, waitUntil } from '../rig/wait-until.ts'

const NAMESPACE = 'default'
const group = `/apis/${API_VERSION}`
const root = `${group}/namespaces/${NAMESPACE}`

/**
 * Agent and controller name the server by this key when they ask the test for permission, before and after each change
 * (gate.ts).
 */
export const keyOfServer = (name: string): string => `${NAMESPACE}/${name}`

/**
 * `guest`: a small Linux. `button`: the boot sector of test/rig/button-guest.ts, which boots at once. Both power off
 * when the power button is pressed.
 */
export type ImageName = 'guest' | 'button'

export interface Objects {
  servers: Server[]
  records: ServerAction[]
  ports: Port[]
  hosts: Hypervisor[]
}

export class Api {
  readonly #client: ApiClient

  constructor(client: ApiClient) {
    this.#client = client
  }

  async listObjects(): Promise<Objects> {
    const list = async <T>(plural: string, under = root): Promise<T[]> =>
      (await this.#client.send<{ items: T[] }>('GET', `${under}/${plural}`)).items
    const [servers, records, ports, hosts] = await Promise.all([
      list<Server>('servers'),
      list<ServerAction>('serveractions'),
      list<Port>('ports'),
      list<Hypervisor>('hypervisors', group),
    ])
    return { servers, records, ports, hosts }
  }

  async addImage(name: string, url: string): Promise<void> {
    await this.#send('POST', 'images', { kind: 'Image', metadata: { name }, spec: { url, format: 'qcow2' } })
  }

  async create(name: string, image: ImageName): Promise<void> {
    const spec = { flavor: 'tiny', image: { name: image }, networks: [{ name: 'default' }] }
    await this.#send('POST', 'servers', { kind: 'Server', metadata: { name }, spec })
  }

  async patchSpec(name: string, spec: Partial<Server['spec']>): Promise<void> {
    await this.#send('PATCH', `servers/${name}`, { spec }, 'application/merge-patch+json')
  }

  async requestAction(server: string, action: string, params: object): Promise<void> {
    const spec = { server, action, [action]: params }
    await this.#send('POST', 'serveractions', {
      kind: 'ServerAction',
      // The same name in each retry: if an earlier request has created the object but its answer was lost, the API
      // server answers 409, which #send() counts as success.
      metadata: { name: `${action}-${randomUUID().slice(0, 8)}` },
      spec,
    })
  }

  async delete(name: string): Promise<void> {
    await this.#send('DELETE', `servers/${name}`)
  }

  /**
   * Retries after a lost connection and after 503 (a starting API server does not know the custom resources yet). After
   * a lost connection, a 404 or 409 counts as success, because the request may have succeeded.
   */
  async #send(method: 'POST' | 'PATCH' | 'DELETE', path: string, object?: object, type?: string): Promise<void> {
    const body = object && { apiVersion: API_VERSION, ...object }
    let isCut = false
    const attempt = async () => {
      try {
        await this.#client.send(method, `${root}/${path}`, body, type)
        return true
      } catch (error) {
        if (isCut && /: (404|409) /.test(String(error))) return true
        const wasCut = isConnectionError(error)
        isCut ||= wasCut
        if (wasCut || /: (503|429) /.test(String(error))) throw error
        throw new FatalError(`${method} ${path}`, { cause: error })
      }
    }
    await waitUntil(attempt, { what: `${method} ${path} to succeed`, deadline: 60_000, every: 100 })
  }
}

const isConnectionError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(String(error.code))
