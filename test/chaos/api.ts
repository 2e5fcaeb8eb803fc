// What a user asks of the API in a story, and what can be seen there. Without kubectl: a story's steps are too many for a process each.
import { randomUUID } from 'node:crypto'
import { API_VERSION, type Hypervisor, type Port, type Server, type ServerAction } from '../../crds/index.ts'
import type { ApiClient } from '../rig/api.ts'
import { Fatal, until } from '../rig/until.ts'

const NAMESPACE = 'default'
const group = `/apis/${API_VERSION}`
const root = `${group}/namespaces/${NAMESPACE}`

/** As agent and controller name servers. */
export const keyOfServer = (name: string): string => `${NAMESPACE}/${name}`

/** guest: boots, and powers off when asked. blank: does neither. */
export type ImageName = 'guest' | 'blank'

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

  /** Everything of the namespace, and the hosts. */
  async objects(): Promise<Objects> {
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
    await this.#ask('POST', 'images', { kind: 'Image', metadata: { name }, spec: { url, format: 'qcow2' } })
  }

  /** A Server on the quickstart's flavor and network. */
  async create(name: string, image: ImageName): Promise<void> {
    const spec = { flavor: 'tiny', image: { name: image }, networks: [{ name: 'default' }] }
    await this.#ask('POST', 'servers', { kind: 'Server', metadata: { name }, spec })
  }

  async change(name: string, spec: Partial<Server['spec']>): Promise<void> {
    await this.#ask('PATCH', `servers/${name}`, { spec }, 'application/merge-patch+json')
  }

  async deed(server: string, action: string, params: object): Promise<void> {
    const spec = { server, action, [action]: params }
    await this.#ask('POST', 'serveractions', {
      kind: 'ServerAction',
      // A name of our own: it can be asked for again.
      metadata: { name: `${action}-${randomUUID().slice(0, 8)}` },
      spec,
    })
  }

  async delete(name: string): Promise<void> {
    await this.#ask('DELETE', `servers/${name}`)
  }

  /**
   * For some seconds after an API server has started its admission policies know no custom resources: it says so, and to try again. It may
   * also be killed, for another's story, while this is asked: the first try may have been taken then.
   */
  async #ask(method: 'POST' | 'PATCH' | 'DELETE', path: string, object?: object, type?: string): Promise<void> {
    const body = object && { apiVersion: API_VERSION, ...object }
    let isCut = false
    const ask = async () => {
      try {
        await this.#client.send(method, `${root}/${path}`, body, type)
        return true
      } catch (error) {
        if (isCut && /: (404|409) /.test(String(error))) return true
        const cut = isOfConnection(error)
        isCut ||= cut
        if (cut || /: (503|429) /.test(String(error))) throw error
        throw new Fatal(`${method} ${path}`, { cause: error })
      }
    }
    await until(ask, { what: `${method} ${path} to be taken`, deadline: 60_000, every: 100 })
  }
}

const isOfConnection = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(String(error.code))
