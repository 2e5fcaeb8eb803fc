import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { createAbortScope } from './abort.ts'
import type { Auth, Credentials } from './auth.ts'
import type { Clock } from './clock.ts'
import { ApiError, FencedWriteError, type Status } from './errors.ts'
import { type HttpRequestOptions, type HttpTarget, readBody, sendHttpRequest, targetFromUrl } from './http-request.ts'
import { defineCounter, defineHistogram, type Metrics } from './metrics.ts'
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
  /** Path and query. */
  path: string
  body?: unknown
  contentType?: string
  /** true: sending the request twice has the same effect as sending it once. A GET is always idempotent. */
  idempotent?: boolean
}
export interface StreamRequest extends Request {
  /** Longest silence in ms between two chunks of the body. 0 or absent: no limit. */
  idleMs?: number | undefined
}

export interface TransportOptions {
  auth: Auth
  userAgent: string
  metrics: Metrics
  clock: Clock
  /** Milliseconds, for calls that set no limit; 30 000 by default. */
  timeoutMs: number | undefined
  /** For calls other than watches; 32 by default. */
  connections: number | undefined
}

type Headers = readonly (readonly [string, string])[]

export interface Transport extends AsyncDisposable {
  /** Retries the request if that is safe. */
  json<T>(request: Request): Promise<T>
  /** Sends the request once. The body ends when `signal` aborts. */
  stream(request: StreamRequest): Promise<AsyncIterable<Uint8Array>>
  /** The new transport uses the same connections. */
  withHeaders(headers: Headers): Transport
}

export const createTransport = (options: TransportOptions): Transport => new HttpTransport(options)

class HttpTransport implements Transport {
  readonly #options: TransportOptions
  readonly #pools: PoolSet
  readonly #headers: Headers
  readonly #host: string
  readonly #target: HttpTarget
  readonly #basePath: string

  constructor(
    options: TransportOptions,
    pools: PoolSet = createConnectionPools(options.auth, options.connections ?? 32),
    headers: Headers = [],
  ) {
    this.#options = options
    this.#pools = pools
    this.#headers = headers
    const url = new URL(options.auth.server)
    this.#host = url.host
    this.#target = targetFromUrl(url)
    this.#basePath = url.pathname.replace(/\/$/, '')
  }

  async json<T>(request: Request): Promise<T> {
    const { clock, metrics } = this.#options
    const { timeoutMs = this.#options.timeoutMs ?? 30_000, method } = request
    const deadline = clock.now() + timeoutMs
    using scope = createAbortScope([request.signal], timeoutMs)
    const send = async (): Promise<T> => {
      const started = clock.now()
      try {
        return await this.#sendAndParse<T>(request, scope.signal)
      } finally {
        metrics.observe(durations, { verb: method }, (clock.now() - started) / 1000)
      }
    }
    return await callWithRetries(send, {
      idempotent: method === 'GET' || request.idempotent === true,
      deadline,
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
    return new HttpTransport(this.#options, this.#pools, [...this.#headers, ...headers])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pools.close()
  }

  async #sendAndParse<T>(request: Request, signal: AbortSignal): Promise<T> {
    // `signal` aborts at the deadline of the whole call, so neither headers nor body need a limit of their own.
    const response = await this.#send('calls', request, { signal })
    try {
      return JSON.parse(await readBody(response)) as T
    } catch (error) {
      throw unreachableError(request, error) // the connection broke while the body was read
    }
  }

  async #currentPools(): Promise<ConnectionPools> {
    try {
      return await this.#pools.current()
    } catch (error) {
      throw new ApiError({ request: 'credentials', status: 0, cause: error })
    }
  }

  async #send(
    kind: 'calls' | 'watches',
    request: Request,
    limits: Pick<HttpRequestOptions, 'signal' | 'headersMs' | 'idleMs'>,
  ): Promise<IncomingMessage> {
    const { metrics } = this.#options
    const { credentials, [kind]: agent } = await this.#currentPools()
    const { method } = request
    const body = request.body === undefined ? undefined : JSON.stringify(request.body)
    const headers = this.#headersOf(request, credentials)
    const target = { ...this.#target, path: this.#basePath + request.path }
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
      if (statusCode === 401) this.#options.auth.invalidate()
      throw await errorFromResponse(request, response)
    } catch (error) {
      if (error instanceof ApiError || error instanceof FencedWriteError) throw error
      metrics.inc(requests, { code: '<error>', method, host: this.#host })
      throw unreachableError(request, error)
    }
  }

  /** A repeated header, such as Impersonate-Group, is sent with all of its values. */
  #headersOf({ body, contentType = 'application/json' }: Request, credentials: Credentials): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {
      'user-agent': this.#options.userAgent,
      accept: 'application/json',
      ...credentials.headers,
      ...(body === undefined ? {} : { 'content-type': contentType }),
    }
    const extra = new Map<string, string[]>()
    for (const [name, value] of this.#headers) extra.set(name, [...(extra.get(name) ?? []), value])
    for (const [name, values] of extra) headers[name] = values.length === 1 ? values[0] : values
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

/** A proxy, or an API server that panics, answers in plain text, which becomes the `message` of the result. */
function parseStatus(text: string): Status {
  const plain = text === '' ? {} : { message: text.slice(0, 500) }
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : plain
  } catch {
    return plain
  }
}
