// One HTTP call: connections kept alive, credentials refreshed, bounded retries; what goes wrong comes out as ApiError.

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { createAbortScope } from './abort.ts'
import { type Auth, type Credentials, withoutOurs } from './auth.ts'
import { type Clock, systemClock } from './clock.ts'
import { ApiError, FencedWriteError, type Status } from './errors.ts'
import { type HttpRequestOptions, type HttpTarget, readBody, sendHttpRequest, targetFromUrl } from './http-request.ts'
import { createMetrics, defineCounter, defineHistogram, type Metrics } from './metrics.ts'
import { type ConnectionPools, createConnectionPools, type PoolSet } from './pool.ts'
import { callWithRetries } from './retry.ts'
import type { WriteCallOptions } from './types.ts'

const requests = defineCounter('rest_client_requests_total', 'HTTP requests, by status code, method and host.', [
  'code',
  'method',
  'host',
])
const durations = defineHistogram(
  'rest_client_request_duration_seconds',
  'Time of a request until its answer, by verb.',
  ['verb'],
)
const retries = defineCounter('rest_client_request_retries_total', 'Requests sent again, by status code and verb.', [
  'code',
  'verb',
])

export interface Request extends WriteCallOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with its query. */
  path: string
  body?: unknown
  contentType?: string
  /** May be sent twice with the effect of once. GET always is. */
  idempotent?: boolean
}
export interface StreamRequest extends Request {
  /** Longest silence between two chunks of the body; 0 or absent: none. */
  idleMs?: number | undefined
}

export interface TransportOptions {
  auth: Auth
  userAgent: string
  metrics?: Metrics | undefined
  clock?: Clock | undefined
  /** Bounds calls whose caller gives no timeout (30 000). */
  timeoutMs?: number | undefined
  /** Connections for calls (32). */
  connections?: number | undefined
}

type Headers = readonly (readonly [string, string])[]

export interface Transport extends AsyncDisposable {
  readonly auth: Auth
  /** Sends, retries, and parses the answer's JSON. */
  json<T>(request: Request): Promise<T>
  /** Sends once; answers the open body, which ends when `signal` aborts. */
  stream(request: StreamRequest): Promise<AsyncIterable<Uint8Array>>
  /** The same connections, with further headers on each request. */
  withHeaders(headers: Headers): Transport
  /** The same server, for the bearer of `token` and nobody else: no credential of ours goes along. */
  withToken(token: string): Transport
}

export const createTransport = (options: TransportOptions): Transport => new HttpTransport(options)

interface Shared {
  options: TransportOptions
  metrics: Metrics
  clock: Clock
  pools: PoolSet
  /** Connections without our certificate, made at the first withToken(). */
  bare?: Shared
}

function createSharedState(options: TransportOptions, auth: Auth = options.auth): Shared {
  const { metrics = createMetrics(), clock = systemClock } = options
  return {
    options: { ...options, auth },
    metrics,
    clock,
    pools: createConnectionPools(auth, options.connections ?? 32),
  }
}

class HttpTransport implements Transport {
  readonly auth: Auth
  readonly #shared: Shared
  readonly #headers: Headers
  readonly #host: string
  readonly #target: HttpTarget
  readonly #base: string

  constructor(options: TransportOptions, shared: Shared = createSharedState(options), headers: Headers = []) {
    this.auth = shared.options.auth
    this.#shared = shared
    this.#headers = headers
    const url = new URL(this.auth.server)
    this.#host = url.host
    this.#target = targetFromUrl(url)
    this.#base = url.pathname.replace(/\/$/, '')
  }

  async json<T>(request: Request): Promise<T> {
    const { clock, metrics, options } = this.#shared
    const { timeoutMs = options.timeoutMs ?? 30_000, method } = request
    const until = clock.now() + timeoutMs
    using scope = createAbortScope([request.signal], timeoutMs)
    const once = async (): Promise<T> => {
      const started = clock.now()
      try {
        return await this.#once<T>(request, scope.signal)
      } finally {
        metrics.observe(durations, { verb: method }, (clock.now() - started) / 1000)
      }
    }
    return await callWithRetries(once, {
      idempotent: method === 'GET' || request.idempotent === true,
      until,
      signal: request.signal,
      clock,
      wait: (ms) => clock.sleep(ms, scope.signal),
      onRetry: ({ status }) => metrics.inc(retries, { code: String(status), verb: method }),
    })
  }

  async stream(request: StreamRequest): Promise<AsyncIterable<Uint8Array>> {
    const { signal, idleMs } = request
    return this.#send('watches', request, { signal, headersMs: 30_000, idleMs })
  }

  withHeaders(headers: Headers): Transport {
    return new HttpTransport(this.#shared.options, this.#shared, [...this.#headers, ...headers])
  }

  withToken(token: string): Transport {
    this.#shared.bare ??= createSharedState(this.#shared.options, withoutOurs(this.auth))
    return new HttpTransport(this.#shared.options, this.#shared.bare, [['authorization', `Bearer ${token}`]])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shared.pools.close()
    this.#shared.bare?.pools.close()
  }

  async #once<T>(request: Request, signal: AbortSignal): Promise<T> {
    // The deadline of the whole call bounds headers and body.
    const response = await this.#send('calls', request, { signal })
    try {
      return JSON.parse(await readBody(response)) as T
    } catch (error) {
      throw unreachableError(request, error) // cut off inside the body
    }
  }

  async #pools(): Promise<ConnectionPools> {
    try {
      return await this.#shared.pools.current()
    } catch (error) {
      throw new ApiError({ request: 'credentials', status: 0, cause: error })
    }
  }

  async #send(
    kind: 'calls' | 'watches',
    request: Request,
    limits: Pick<HttpRequestOptions, 'signal' | 'headersMs' | 'idleMs'>,
  ): Promise<IncomingMessage> {
    const { metrics } = this.#shared
    const { credentials, [kind]: agent } = await this.#pools()
    const { method } = request
    const body = request.body === undefined ? undefined : JSON.stringify(request.body)
    const headers = this.#headersOf(request, credentials)
    const target = { ...this.#target, path: this.#base + request.path }
    try {
      const response = await sendHttpRequest(target, {
        ...limits,
        agent,
        method,
        headers,
        body,
        mayWrite: request.mayWrite,
      })
      const { statusCode = 0 } = response
      metrics.inc(requests, { code: String(statusCode), method, host: this.#host })
      if (statusCode < 300) return response
      if (statusCode === 401) this.auth.invalidate()
      throw await errorFromResponse(request, response)
    } catch (error) {
      if (error instanceof ApiError || error instanceof FencedWriteError) throw error
      metrics.inc(requests, { code: '<error>', method, host: this.#host })
      throw unreachableError(request, error)
    }
  }

  /** A name that comes several times (groups) has all of its values. */
  #headersOf({ body, contentType = 'application/json' }: Request, credentials: Credentials): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {
      'user-agent': this.#shared.options.userAgent,
      accept: 'application/json',
      ...credentials.headers,
      ...(body === undefined ? {} : { 'content-type': contentType }),
    }
    const own = new Map<string, string[]>()
    for (const [name, value] of this.#headers) own.set(name, [...(own.get(name) ?? []), value])
    for (const [name, values] of own) headers[name] = values.length === 1 ? values[0] : values
    return headers
  }
}

const requestName = (request: Request): string => `${request.method} ${request.path}`

const unreachableError = (request: Request, cause: unknown): ApiError =>
  new ApiError({ request: requestName(request), status: 0, cause })

async function errorFromResponse(request: Request, response: IncomingMessage): Promise<ApiError> {
  const text = await readBody(response)
  const header = response.headers['retry-after']
  const seconds = typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : undefined
  return new ApiError({
    request: requestName(request),
    status: response.statusCode ?? 0,
    body: parseStatus(text),
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
  })
}

/** Proxies and the server's own panics answer in plain text: then the text itself is the message. */
function parseStatus(text: string): Status {
  const plain = text === '' ? {} : { message: text.slice(0, 500) }
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : plain
  } catch {
    return plain
  }
}
