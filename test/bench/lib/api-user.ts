/** The client reuses its connections for many requests, as real clients of the API do. */
import { Agent } from 'node:http'
import { readBody, sendHttpRequest, targetFromUrl } from '../../../kube/http-request.ts'

export interface TimedAnswer {
  status: number
  /** Milliseconds from the request until the whole body was read. */
  took: number
  text: string
}

interface Login {
  /** The address of the identity API, such as `http://127.0.0.1:8774/identity/v3`. */
  authUrl: string
  name: string
  password: string
  project: string
  /** Default: any. */
  region?: string
}

/** A microversion at which servers have nearly all of their fields. */
const MICROVERSION = '2.96'

interface Catalog {
  token: { catalog: { type: string; endpoints: { interface: string; region: string; url: string }[] }[] }
}

export class ApiUser {
  readonly #token: string
  readonly #catalog: ReadonlyMap<string, string>
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(token: string, catalog: ReadonlyMap<string, string>) {
    this.#token = token
    this.#catalog = catalog
  }

  static async signIn({ authUrl, name, password, project, region }: Login): Promise<ApiUser> {
    const domain = { id: 'default' }
    const identity = { methods: ['password'], password: { user: { name, domain, password } } }
    const body = JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${authUrl}/auth/tokens`, { method: 'POST', headers, body })
    if (answer.status !== 201) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`)
    const { token } = (await answer.json()) as Catalog
    const urls = token.catalog.map(({ type, endpoints }): [string, string] => {
      const fits = endpoints.filter((one) => one.interface === 'public' && one.region === (region ?? one.region))
      return [type, fits[0]?.url ?? '']
    })
    return new ApiUser(answer.headers.get('x-subject-token') ?? '', new Map(urls))
  }

  /**
   * Throws if the status is not the expected one.
   * @param service its type in the catalog
   * @param path below the address of the service, such as `/servers`
   */
  async request(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    service: 'compute' | 'identity' | 'image',
    path: string,
    expected: number,
    body?: object,
  ): Promise<TimedAnswer> {
    const begin = performance.now()
    const answer = await sendHttpRequest(targetFromUrl(new URL(`${this.#catalog.get(service)}${path}`)), {
      method,
      agent: this.#agent,
      headers: {
        accept: 'application/json',
        'x-auth-token': this.#token,
        'openstack-api-version': `compute ${MICROVERSION}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await readBody(answer)
    const took = performance.now() - begin
    if (answer.statusCode !== expected) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
    return { status: answer.statusCode, took, text }
  }

  async get<T>(service: 'compute' | 'image', path: string): Promise<T> {
    return JSON.parse((await this.request('GET', service, path, 200)).text) as T
  }

  close(): void {
    this.#agent.destroy()
  }
}
