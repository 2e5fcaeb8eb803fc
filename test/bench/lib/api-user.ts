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
  url: string
  name: string
  password: string
  project: string
}

/** A microversion at which servers have nearly all of their fields. */
const MICROVERSION = '2.96'

export class ApiUser {
  readonly #url: string
  readonly #token: string
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  static async signIn({ url, name, password, project }: Login): Promise<ApiUser> {
    const domain = { id: 'default' }
    const identity = { methods: ['password'], password: { user: { name, domain, password } } }
    const body = JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } })
    const answer = await fetch(`${url}/identity/v3/auth/tokens`, { method: 'POST', body })
    if (answer.status !== 201) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`)
    return new ApiUser(url, answer.headers.get('x-subject-token') ?? '')
  }

  /**
   * Throws if the status is not the expected one.
   * @param path below the address of the shim, such as `/compute/v2.1/servers`
   */
  async request(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    expected: number,
    body?: object,
  ): Promise<TimedAnswer> {
    const begin = performance.now()
    const answer = await sendHttpRequest(targetFromUrl(new URL(`${this.#url}${path}`)), {
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

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.request('GET', path, 200)).text) as T
  }

  close(): void {
    this.#agent.destroy()
  }
}
